import type { ReplayView, RoundView, RunView } from '@lorica/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { siteText, startFleet } from './support/fleet.js'
import { createFolder } from './support/folder.js'

const NAME = 'site-2'

test('an agent that stands still holds up no buffered round, goes on with what it was asked, and its work counts', async () => {
  const folder = await createFolder()
  onTestFinished(() => folder[Symbol.asyncDispose]())
  await using fleet = await startFleet({ folder: folder.path, texts: [0, 1, 2].map(siteText) })
  const get = async <T>(path: string): Promise<T> => {
    const headers = { authorization: `Bearer ${fleet.adminToken}` }
    return (await (await fetch(`${fleet.url}/api/v1/runs/${path}`, { headers })).json()) as T
  }
  const slow = fleet.agents[2]!
  const isAsked = slow.until(({ event, kind }) => event === 'assignment' && kind === 'train')
  const runId = await fleet.start({ rounds: 5000, steps: 40, minimum: 1, buffer: 2 })
  await isAsked
  slow.child.kill('SIGSTOP')
  const rounds = async () => (await get<RunView>(runId)).rounds
  await expect
    .poll(rounds, { timeout: 60_000, interval: 100 })
    .toSatisfy(({ length }: readonly unknown[]) => length >= 3)
  const before = (await rounds()).length
  slow.child.kill('SIGCONT')
  await slow.until(({ event }) => event === 'receipt')
  const counted = async () =>
    (await rounds()).flatMap(({ round, contributions }) =>
      contributions.flatMap(({ name, late }) => (name === NAME ? [{ round, late }] : [])),
    )
  await expect.poll(counted, { timeout: 60_000, interval: 100 }).not.toEqual([])
  await fleet.operate('run', 'cancel', runId)
  const [first] = await counted()
  expect(first?.round).toBeGreaterThan(before)
  expect(first?.late).toEqual({ round: 1, version: 0, staleness: first!.round - 1 })
  const { attempts } = await get<RoundView>(`${runId}/rounds/2`)
  expect(attempts[0]!.agents.find(({ name }) => name === NAME)).toMatchObject({
    ...{ fate: 'carried', late: { round: 1, version: 0, staleness: 1 } },
  })
  const trained = slow.lines.filter(({ event, kind }) => event === 'assignment' && kind === 'train')
  expect(trained[0]).toMatchObject({ round: 1 })
  expect(trained.filter(({ round }) => round === 1)).toHaveLength(1)
  const replay = await fleet.operate<{ rounds: ReplayView[] }>(
    ...['run', 'replay', runId, '--round', String(first?.round)],
  )
  expect(replay.rounds).toMatchObject([{ round: first?.round, isSame: true }])
})
