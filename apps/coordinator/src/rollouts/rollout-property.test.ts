import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JournalEntry } from '../journal/chain.js'
import type { JournalEvent } from '../journal/event.js'
import { startWorld, type World } from './fleet.fixture.js'
import { isExposed } from './rollout.js'
import { isRolloutEvent, noRollouts, openRollout, type Rollouts, rolloutsAfter } from './rollouts.js'

const plan = {
  ...{ groups: [1, '40%', '100%'], soak: '1m', patience: '2m', error: { threshold: '30%', minExecuted: 3 } },
  analysis: [{ metric: 'loss', least: 4 }],
}

const odd = new Set<string>() // agents that did not do all that they were told

type Act = (world: World) => Promise<unknown> | unknown
const anyAgent = fc.nat(5)
const anyAct: fc.Arbitrary<readonly [string, Act]> = fc.oneof(
  fc
    .constantFrom(10_000, 61_000, 130_000)
    .map((ms) => [`wait ${ms}`, (world: World) => world.settle(ms)] as const),
  fc.constant(['kill', (world: World) => world.kill()] as const),
  anyAgent.map((at) => [`leave ${at}`, (world: World) => world.disconnect(world.agents[at]!)] as const),
  anyAgent.map((at) => [`back ${at}`, (world: World) => world.connect(world.agents[at]!)] as const),
  fc.tuple(anyAgent, fc.constantFrom('applies', 'fails', 'keeps silent' as const)).map(
    ([at, manner]) =>
      [
        `agent ${at} ${manner}`,
        (world: World) => {
          odd.add(world.agents[at]!.name)
          world.agents[at]!.manner = (release) => (release === 'v1' ? 'applies' : manner)
        },
      ] as const,
  ),
  fc.tuple(anyAgent, fc.constantFrom(-0.3, 0, 0.4)).map(
    ([at, shift]) =>
      [
        `agent ${at} loses ${shift}`,
        (world: World) => {
          world.agents[at]!.losses = (release) =>
            [2, 2.1, 2.3, 2.2, 1.9].map((loss, row) => (release === 'v1' ? loss : loss + shift + row * 0.01))
        },
      ] as const,
  ),
  fc.constantFrom('promote', 'pause', 'resume', 'abort', 'retry', 'undo').map(
    (verb) =>
      [
        verb,
        (world: World) =>
          world
            .director()
            .act('latest', verb as 'pause')
            .catch(() => undefined),
      ] as const,
  ),
  fc.constantFrom('v2', 'v3').map(
    (release) =>
      [
        `start ${release}`,
        (world: World) =>
          world
            .director()
            .start(release, release === 'v3' ? { ...plan, rate: { perMinute: 3, atOnce: 2 } } : plan)
            .catch(() => undefined),
      ] as const,
  ),
)

const replayed = (lines: readonly string[]): Rollouts =>
  lines.reduce((state, line) => {
    const {
      seq,
      at,
      prev: _,
      hash: __,
      ...event
    } = JSON.parse(line) as JournalEvent & JournalEntry & Record<string, unknown>
    const known = event as unknown as JournalEvent
    return isRolloutEvent(known) ? rolloutsAfter(state, known, { seq, at, event: known }) : state
  }, noRollouts)

/** What a fleet may have while a rollout is where it is: groups that are open one release, all others the champion. */
function expectChosen(world: World): void {
  const open = openRollout(world.ledger().rollouts())
  const champion = world.ledger().aliases().get('champion')
  for (const agent of world.agents.filter(({ isConnected, name }) => isConnected && !odd.has(name))) {
    const isCandidate = open !== undefined && open.group > 0 && isExposed(open, agent.agentId)
    expect(world.has(agent), agent.name).toBe(isCandidate ? open.release : champion)
  }
}

test('whatever happens, a fleet has what somebody chose, serials only grow, and a coordinator that died goes on where it was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyAct, { minLength: 4, maxLength: 25 }), async (acts) => {
      odd.clear()
      const world = await startWorld(6)
      await world.director().start('v2', plan)
      for (const [, act] of acts) {
        await act(world)
        await world.settle()
        expect(replayed(world.lines())).toEqual(world.ledger().rollouts())
        expect(world.agents.flatMap(({ refusals }) => refusals)).toEqual([])
        expectChosen(world)
      }
      for (const agent of world.agents) {
        agent.manner = () => 'applies'
        world.connect(agent)
      }
      await world
        .director()
        .act('latest', 'abort')
        .catch(() => undefined)
      await world.settle()
      const champion = world.ledger().aliases().get('champion')
      expect(new Set(world.agents.map(world.has))).toEqual(new Set([champion]))
    }),
    { numRuns: 25 },
  )
})
