import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'

const textOf = async (fleet: Fleet) => ((await fleet.api('GET', '/metrics')).body as Buffer).toString('utf8')

/** The value of a series, written as the exposition has it; undefined: it is not there. */
function seriesOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

test('a round tells what its training took and cost, and the numbers add up', async () => {
  const prices = { kilowattHour: 0.3, gigabyte: 2, currency: 'EUR' }
  await using fleet = await startFleet(undefined, { prices })
  await startAgent(fleet, 'graz', { delta: 4, energy: { joules: 3000, source: 'rapl' } })
  await startAgent(fleet, 'oslo', { delta: 4, energy: { joules: 1000, source: 'estimated' } })
  await startAgent(fleet, 'turin', { delta: 4 })
  const runId = await fleet.startRun({ rounds: { count: 1, minimum: 3 } })
  await fleet.event(runId, 'run-ended')
  const { rounds } = await fleet.run(runId)
  const { energy, cost, bytesUp = 0, bytesDown = 0 } = rounds[0] ?? {}
  expect(energy).toEqual({ joules: 4000, estimatedShare: 0.25, updates: 2 })
  expect(cost?.energy).toBeCloseTo((4000 / 3.6e6) * 0.3, 12)
  expect(cost?.traffic).toBeCloseTo(((bytesUp + bytesDown) / 1e9) * 2, 12)
  for (const path of [`/api/v1/runs/${runId}/rounds/1`, `/api/v1/runs/${runId}/rounds`])
    expect(JSON.stringify((await fleet.api('GET', path)).body)).toContain(
      JSON.stringify({ energy, cost }).slice(1, -1),
    )
  const text = await textOf(fleet)
  expect(seriesOf(text, 'lorica_energy_joules_total{source="measured"}')).toBe(3000)
  expect(seriesOf(text, 'lorica_energy_joules_total{source="estimated"}')).toBe(1000)
})

test('the numbers are those of the journal, also after a restart, and no label names an agent or a run', async () => {
  await using fleet = await startFleet()
  for (const name of ['graz', 'oslo', 'turin']) await startAgent(fleet, name, { delta: 4 })
  await startAgent(fleet, 'vaduz', {
    train: async (agent, { assignmentId }) => {
      await agent.emit('decline', { assignmentId, code: 'LRC-6004', message: 'not at night' })
    },
  })
  const runId = await fleet.startRun({ rounds: { count: 2, minimum: 3 } })
  await fleet.event(runId, 'run-ended')
  const expected = {
    'lorica_rounds_total{outcome="released"}': 2,
    'lorica_updates_total{outcome="accepted"}': 6,
    'lorica_updates_total{outcome="declined"}': 2,
    'lorica_refusals_total{code="LRC-6004"}': 2,
    'lorica_runs{state="succeeded"}': 1,
    'lorica_runs{state="running"}': 0,
    lorica_releases: 2,
    lorica_ready: 1,
  }
  const text = await textOf(fleet)
  const found = (read: string) =>
    Object.fromEntries(Object.keys(expected).map((series) => [series, seriesOf(read, series)]))
  expect(found(text)).toEqual(expected)
  expect(seriesOf(text, 'lorica_agents{state="connected"}')).toBe(4)
  const { rounds } = await fleet.run(runId)
  expect(seriesOf(text, 'lorica_update_bytes_total')).toBe(
    rounds.reduce((sum, { bytesUp }) => sum + bytesUp, 0),
  )
  expect(seriesOf(text, 'lorica_release_loss')).toBeCloseTo(rounds[1]?.loss ?? Number.NaN, 9)
  expect(text).not.toMatch(/graz|oslo|turin|vaduz|tone/)
  await fleet.restart()
  const after = await textOf(fleet)
  expect(found(after)).toEqual(expected)
  expect(seriesOf(after, 'lorica_http_requests_total{route="/metrics",status="200"}')).toBeUndefined()
  expect(seriesOf(await textOf(fleet), 'lorica_http_requests_total{route="/metrics",status="200"}')).toBe(1)
})

test('no loss is shown that fewer than three agents measured', async () => {
  await using fleet = await startFleet()
  for (const name of ['graz', 'oslo']) await startAgent(fleet, name, { delta: 4 })
  const runId = await fleet.startRun()
  await fleet.event(runId, 'run-ended')
  const text = await textOf(fleet)
  expect(seriesOf(text, 'lorica_releases')).toBe(1)
  expect(text).not.toMatch(/^lorica_release_loss /m)
})

test('nobody reads the numbers without a token', async () => {
  await using fleet = await startFleet()
  const response = await fetch(`${fleet.coordinator().url}/metrics`)
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([401, 'LRC-2007'])
})

test('the dashboard asks only for numbers that there are', async () => {
  await using fleet = await startFleet()
  const text = await textOf(fleet)
  const names = new Set(
    [...text.matchAll(/^# TYPE (\w+) (\w+)/gm)].flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  )
  const dashboard = readFileSync(new URL('../../grafana.json', import.meta.url), 'utf8')
  const { panels } = JSON.parse(dashboard) as { panels: { title: string; targets: { expr: string }[] }[] }
  const asked = panels.flatMap(({ targets }) =>
    targets.flatMap(({ expr }) =>
      [...expr.matchAll(/\b((?:lorica|process|nodejs)_\w+)/g)].map(([, name]) => name ?? ''),
    ),
  )
  expect(asked.length).toBeGreaterThan(18)
  expect(asked.filter((name) => !names.has(name))).toEqual([])
})
