import type { ReleaseView, RolloutView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { startFleet, until } from '../fleet.fixture.js'

test('the first run of a fleet rolls its release out by itself: the base as it is becomes a release and the champion before', async () => {
  await using fleet = await startFleet()
  for (const name of ['graz', 'oslo']) await startAgent(fleet, name, { delta: 2 })
  const get = async <T>(path: string) => (await fleet.api('GET', `/api/v1/${path}`)).body as T
  const runId = await fleet.startRun({
    rounds: { count: 2, minimum: 2 },
    rollout: { groups: [1, '100%'], approval: true },
  })
  await fleet.event(runId, 'run-ended')
  let rollouts: readonly RolloutView[] = []
  await until(() => {
    void get<{ rollouts: readonly RolloutView[] }>('rollouts').then((answer) => {
      rollouts = answer.rollouts
    })
    return rollouts.length > 0
  })
  expect(rollouts).toMatchObject([{ previous: 'v3', release: 'v2', cause: { by: 'run', run: runId } }])
  expect(await get('aliases')).toEqual({ aliases: { champion: 'v3' } })
  const made = async () =>
    (await get<{ releases: readonly ReleaseView[] }>('releases')).releases.map(({ name, manifest }) => [
      ...[name, manifest.round, manifest.parent, manifest.files.length],
    ])
  const releases = [
    ['v1', 1, null, 2],
    ['v2', 2, 'v1', 2],
    ['v3', 0, null, 2],
  ]
  expect(await made()).toEqual(releases)

  const next = await fleet.startRun({ rounds: { count: 1, minimum: 2 } })
  await fleet.event(next, 'run-ended')
  const later = [...releases, ['v4', 1, null, 2]]
  expect(await made()).toEqual(later)
  await fleet.restart() // which verifies each release that the journal knows
  expect(await made()).toEqual(later)
})
