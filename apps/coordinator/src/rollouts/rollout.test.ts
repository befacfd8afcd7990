import type { RolloutDetail } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { startWorld, type World } from './fleet.fixture.js'

const quick = {
  ...{ groups: [1, '30%', '100%'], soak: '1m', patience: '5m' },
  analysis: [{ metric: 'loss', worseBy: '1%', least: 4 }],
}
const better = (release: string) =>
  release === 'v1' ? [2, 2.2, 2.4, 2.6, 2.1, 2.3] : [1.8, 2.05, 2.2, 2.35, 1.9, 2.12]
const worse = (release: string) =>
  release === 'v1' ? [2, 2.2, 2.4, 2.6, 2.1, 2.3] : [2.3, 2.45, 2.72, 2.95, 2.4, 2.61]
/** What may be said in each state; that undo of an open rollout is an abort is kindness. */
const fits: Readonly<Record<string, readonly string[]>> = {
  pending: ['approve', 'promote', 'pause', 'abort', 'undo'],
  soaking: ['promote', 'pause', 'abort', 'undo'],
  paused: ['promote', 'resume', 'abort', 'retry', 'undo'],
  aborted: ['retry'],
}
const story = (detail: RolloutDetail) => detail.history.map(({ what }) => what)
const versions = (world: World) => world.agents.map(world.has)

async function start(world: World, plan: object = quick, release = 'v2') {
  const id = await world.director().start(release, plan)
  await world.settle()
  return id
}

describe('a rollout', () => {
  test('of a better release reaches everybody, group by group, and becomes the champion', async () => {
    const world = await startWorld(10)
    expect(new Set(versions(world))).toEqual(new Set(['v1']))
    for (const agent of world.agents) agent.losses = better
    const id = await start(world)
    expect(versions(world).filter((name) => name === 'v2')).toHaveLength(1)
    await world.settle(61_000)
    expect(versions(world).filter((name) => name === 'v2')).toHaveLength(3)
    expect(world.ledger().aliases().get('champion')).toBe('v1')
    await world.settle(61_000)
    await world.settle(61_000)
    const detail = world.director().detail(id)
    expect([detail.state, detail.isWatched]).toEqual(['done', true])
    expect(story(detail)).toEqual([
      ...['created', 'group-opened', 'soaking', 'group-opened', 'soaking', 'group-opened', 'soaking', 'done'],
    ])
    expect(new Set(versions(world))).toEqual(new Set(['v2']))
    expect(world.ledger().aliases().get('champion')).toBe('v2')
    const [loss] = detail.metrics
    expect([loss?.verdict, loss?.count]).toEqual(['pass', 60])
    expect(loss?.difference).toBeCloseTo(-0.19666666666666666, 12)
    expect(world.agents.flatMap(({ refusals }) => refusals)).toEqual([])
  })

  test('that regresses in one cohort is stopped in its group and undone by itself, with the evidence in the journal', async () => {
    const world = await startWorld(10)
    for (const [at, agent] of world.agents.entries()) agent.losses = at % 2 === 0 ? worse : better
    const groups = [
      { size: '100%', where: 'not (label.site == oslo)', name: 'elsewhere' },
      { size: 1, where: 'label.site == oslo' },
      '100%',
    ]
    const id = await start(world, { ...quick, groups })
    await world.settle(61_000)
    await world.settle(5000)
    const detail = world.director().detail(id)
    expect(detail.state).toBe('aborted')
    expect(detail.reason).toContain('loss of group 2')
    expect(new Set(versions(world))).toEqual(new Set(['v1']))
    expect(world.ledger().aliases().get('champion')).toBe('v1')
    const line = world.lines().find((one) => one.includes('rollout-aborted')) ?? ''
    expect(line).toContain('"verdict":"fail"')
    expect(detail.agents.filter(({ outcome }) => outcome !== 'waiting')).toHaveLength(6)
  })

  test('whose agents fail goes back once more failed than the plan allows; before that it waits for answers', async () => {
    const world = await startWorld(20)
    const plan = { ...quick, groups: [10, '100%'], error: { threshold: '20%', minExecuted: 8 } }
    for (const agent of world.agents)
      agent.manner = (release) => (release === 'v2' ? 'keeps silent' : 'applies')
    const id = await start(world, plan)
    const exposed = world
      .director()
      .detail(id)
      .agents.filter(({ group }) => group === 1)
    const report = (at: number, outcome: 'applied' | 'failed') =>
      world.director().reported(exposed[at]?.agentId ?? '', {
        ...{
          serial: 2,
          releaseId: world.release('v2').id,
          outcome,
          isServed: true,
          downloadedBytes: 1,
          switchMs: 2,
        },
        reason: outcome === 'failed' ? { code: 'LRC-6026', message: 'no answer' } : null,
      })
    for (let at = 0; at < 2; at++) report(at, 'failed')
    for (let at = 2; at < 7; at++) report(at, 'applied')
    expect(world.director().detail(id).state).toBe('running') // 2 of 7 failed, and 8 have to answer
    report(7, 'applied')
    expect(world.director().detail(id)).toMatchObject({
      state: 'aborted',
      reason: '2 of 8 agents failed, 25%: more than 20%',
    })
    await world.settle()
    expect(new Set(versions(world))).toEqual(new Set(['v1']))
  })

  test('that is inconclusive pauses for a person, who promotes it; the next group is judged anew', async () => {
    const world = await startWorld(4)
    const noise = (release: string) =>
      release === 'v2' ? [2.1, 1.9, 2.3, 2.0, 2.2, 1.8] : [2, 2, 2, 2, 2, 2]
    for (const agent of world.agents) agent.losses = noise
    const id = await start(world, { ...quick, groups: [1, '100%'] })
    await world.settle(61_000)
    expect(world.director().detail(id)).toMatchObject({ state: 'paused', group: 1 })
    expect(world.director().detail(id).reason).toContain('a person decides: loss of all agents')
    await world.settle(3_600_000)
    expect(world.director().detail(id).state).toBe('paused')
    await world.director().act(id, 'promote')
    await world.settle(61_000)
    expect(world.director().detail(id)).toMatchObject({ state: 'paused', group: 2 })
    await world.director().act(id, 'promote')
    await world.settle(1000)
    expect(world.director().detail(id).state).toBe('done')
  })

  test('is undone after everybody had it, tried again after an abort, and told only what goes with its state', async () => {
    const world = await startWorld(4)
    for (const agent of world.agents) agent.losses = better
    const id = await start(world, { ...quick, approval: true })
    expect(world.director().detail(id)).toMatchObject({
      state: 'pending',
      reason: 'waits for the approval of a person',
    })
    await expect(world.director().start('v3', quick)).rejects.toThrow('rollout-1 of v2 is pending')
    await world.director().act(id, 'approve')
    await world.settle()
    await world.director().act(id, 'pause')
    await world.settle(120_000)
    expect(world.director().detail(id)).toMatchObject({ state: 'paused', group: 1 })
    await world.director().act(id, 'abort')
    await world.settle()
    expect(new Set(versions(world))).toEqual(new Set(['v1']))
    await expect(world.director().act(id, 'undo')).rejects.toThrow('rollout-1 is aborted')
    await world.director().act(id, 'retry')
    await world.director().act(id, 'promote', { isFull: true })
    await world.settle(2000)
    expect(world.director().detail(id).state).toBe('done')
    expect(new Set(versions(world))).toEqual(new Set(['v2']))
    await world.director().act('latest', 'undo')
    await world.settle()
    expect(new Set(versions(world))).toEqual(new Set(['v1']))
    expect(world.ledger().aliases().get('champion')).toBe('v1')
    expect(world.agents.flatMap(({ refusals }) => refusals)).toEqual([])
    expect(() => world.director().detail('rollout-9')).toThrow('no rollout rollout-9')
  })

  test('waits after a start of the coordinator for its agents to say what they have, before anything is decided without them', async () => {
    const world = await startWorld(6)
    for (const agent of world.agents) agent.losses = better
    const id = await start(world, { ...quick, groups: ['100%'], soak: '5s' })
    const detail = () => world.director().detail(id)
    expect([detail().state, detail().group]).toEqual(['soaking', 1])
    const [last] = world.agents as [World['agents'][number]]
    for (const agent of world.agents) world.disconnect(agent)
    await world.kill()
    await world.settle(6000)
    expect(detail()).toMatchObject({
      state: 'soaking',
      reason: 'the coordinator started anew: 6 agents have yet to say what they have',
    })
    for (const agent of world.agents.slice(1)) world.connect(agent)
    await world.settle(2000)
    expect(detail().reason).toBe('the coordinator started anew: 1 agent has yet to say what it has')
    world.connect(last)
    await world.settle(1000)
    expect(detail().state).toBe('done')
  })

  test('does not take agents for away that had no time to come back to a coordinator that started anew', async () => {
    const world = await startWorld(5)
    for (const agent of world.agents.slice(1)) agent.manner = () => 'keeps silent'
    const [first] = world.agents as [World['agents'][number]]
    first.manner = (release) => (release === 'v2' ? 'fails' : 'applies')
    const id = await start(world, { ...quick, groups: ['100%'] })
    expect(world.director().detail(id)).toMatchObject({ state: 'running' })
    for (const agent of world.agents) {
      world.disconnect(agent)
      agent.manner = (release) => (release === 'v2' && agent === first ? 'fails' : 'applies')
    }
    await world.kill()
    world.connect(first)
    await world.settle(2000)
    expect(world.director().detail(id)).toMatchObject({ state: 'running' }) // one of one failed; four are on their way
    for (const agent of world.agents.slice(1)) world.connect(agent)
    await world.settle(1000)
    expect(world.director().detail(id)).toMatchObject({
      state: 'aborted',
      reason: '1 of 5 agents failed, 20%: more than 5%',
    })
  })

  test('leaves an agent that was away on the release that the fleet has by then', async () => {
    const world = await startWorld(6)
    const [away] = world.agents as [World['agents'][number]]
    for (const agent of world.agents) agent.losses = better
    world.disconnect(away)
    const id = await start(world)
    await world.settle(61_000)
    await world.settle(61_000)
    await world.settle(61_000)
    expect(world.director().detail(id).state).toBe('done')
    expect(world.has(away)).toBe('v1')
    await world.settle(40 * 24 * 3600 * 1000)
    world.connect(away)
    await world.settle()
    expect(world.has(away)).toBe('v2')
    expect(away.refusals).toEqual([])
  })

  test('goes on being watched: what fails later is undone, and a watch that sees nothing ends', async () => {
    const world = await startWorld(4)
    for (const agent of world.agents) agent.losses = better
    const id = await start(world, {
      ...quick,
      analysis: [
        { metric: 'loss', least: 4 },
        { metric: 'failures', least: 10 },
      ],
    })
    for (let turn = 0; turn < 4; turn++) await world.settle(61_000)
    expect(world.director().detail(id).state).toBe('done')
    const health = (failures: number) => ({
      ...{ serial: 9, releaseId: world.release('v2').id },
      now: { requests: 60, failures, seconds: 6, secondsSquared: 1 },
      before: { requests: 400, failures: 1, seconds: 40, secondsSquared: 6 },
    })
    for (const { agentId } of world.agents) world.director().served(agentId, health(0))
    expect(world.director().detail(id).state).toBe('done')
    for (const { agentId } of world.agents.slice(0, 2)) world.director().served(agentId, health(40))
    expect(world.director().detail(id).state).toBe('undone')
    await world.settle()
    expect(new Set(versions(world))).toEqual(new Set(['v1']))

    const next = await start(world, quick, 'v3')
    for (let turn = 0; turn < 4; turn++) await world.settle(61_000)
    await world.settle(25 * 3600 * 1000)
    expect(world.director().detail(next)).toMatchObject({ state: 'done', isWatched: false })
  })

  test('is undone by itself when its losses, measured anew while it is watched, get worse, with the evidence in the journal', async () => {
    const world = await startWorld(4)
    for (const agent of world.agents) agent.losses = better
    const id = await start(world, { ...quick, measureEvery: '2h' })
    for (let turn = 0; turn < 4; turn++) await world.settle(61_000)
    expect(world.director().detail(id).state).toBe('done')
    for (const agent of world.agents) agent.losses = worse
    await world.settle(3_600_000)
    expect(world.director().detail(id)).toMatchObject({ state: 'done', isWatched: true })
    await world.settle(3_900_000)
    const detail = world.director().detail(id)
    expect(detail.state).toBe('undone')
    expect(detail.reason).toContain('loss of all agents')
    expect(detail.history.at(-1)?.evidence?.[0]).toMatchObject({ verdict: 'fail', count: 24 })
    await world.settle()
    expect(new Set(versions(world))).toEqual(new Set(['v1']))
  })

  test('takes only orders that go with where it is, and none that another person came before with', async () => {
    const world = await startWorld(4)
    const id = await start(world, { ...quick, approval: true })
    const detail = () => world.director().detail(id)
    const refusedNow = async () => {
      const refused: string[] = []
      for (const verb of ['approve', 'promote', 'pause', 'resume', 'abort', 'retry', 'undo'] as const) {
        const probe = new Error('only asked')
        const asked = world.director().act(id, verb, {
          expect: (tag) => {
            expect(tag).toBe(detail().tag)
            if (fits[detail().state]?.includes(verb) !== true) return
            throw probe
          },
        })
        const error = await asked.catch((error: unknown) => error)
        if (error !== probe) refused.push(`${verb} ${(error as { code?: string }).code}`)
      }
      return refused
    }
    const others = (state: string) =>
      ['approve', 'promote', 'pause', 'resume', 'abort', 'retry', 'undo']
        .filter((verb) => fits[state]?.includes(verb) !== true)
        .map((verb) => `${verb} LRC-3023`)
    expect([detail().state, await refusedNow()]).toEqual(['pending', others('pending')])
    await world.director().act(id, 'approve')
    await expect(world.director().act(id, 'approve')).rejects.toMatchObject({ code: 'LRC-3023' })
    await world.settle()
    expect([detail().state, await refusedNow()]).toEqual(['soaking', others('soaking')])
    const { tag } = detail()
    await world.director().act(id, 'pause')
    expect(detail().tag).not.toBe(tag)
    expect([detail().state, await refusedNow()]).toEqual(['paused', others('paused')])
    await world.director().act(id, 'abort')
    expect([detail().state, await refusedNow()]).toEqual(['aborted', others('aborted')])
    await expect(world.director().act(id, 'abort')).rejects.toMatchObject({ code: 'LRC-3023' })
  })

  test('is promoted once by two people who saw the same, and what agents answer meanwhile is nobody’s order', async () => {
    const world = await startWorld(10)
    for (const agent of world.agents) agent.losses = better
    const id = await start(world)
    const { tag } = world.director().detail(id)
    await world.settle(20_000)
    expect(world.director().detail(id).tag).toBe(tag)
    const promote = () =>
      world.director().act(id, 'promote', {
        expect(now) {
          if (now !== tag) throw new Error(`it is ${now} by now`)
        },
      })
    await promote()
    await world.settle()
    await expect(promote()).rejects.toThrow('it is rollout-1.')
    expect(world.director().detail(id)).toMatchObject({ group: 2, state: 'soaking' })
  })

  test('of the first release begins from the base as it is: compared with it, stopped by it, and back on it', async () => {
    const world = await startWorld(10, null)
    const { length } = world.lines()
    await expect(world.director().start('v1', { groups: [50, '100%'] })).rejects.toThrow('not 50 agents')
    const preview = world.director().preview('v1', quick)
    expect([preview.previous, preview.notes[0]]).toEqual([
      'v4',
      expect.stringContaining('the base as it is becomes v4'),
    ])
    expect(world.lines()).toHaveLength(length) // nothing is made for what is refused or only looked at

    for (const agent of world.agents) agent.losses = (release) => worse(release === 'v4' ? 'v1' : 'v2')
    const id = await start(world, quick, 'v1')
    expect(world.release('v4').manifest).toMatchObject({ round: 0, runId: 'tone-1', parent: null })
    expect(world.release('v4').manifest.files[0]?.sha256).toBe('0'.repeat(64))
    for (let turn = 0; turn < 3; turn++) await world.settle(61_000)
    const detail = world.director().detail(id)
    expect([detail.state, detail.metrics[0]?.verdict]).toEqual(['aborted', 'fail'])
    expect(detail.history.map(({ text }) => text.split(' for ')[0])).toEqual([
      'the base as it is (v4) -> v1',
      'group 1 gets v1 (target 2)',
      'group 1 has it and soaks',
      expect.stringContaining('back to v4'),
    ])
    expect(new Set(versions(world))).toEqual(new Set(['v4']))

    for (const agent of world.agents) agent.losses = (release) => (release === 'v4' ? [2, 2.2] : [1.8, 2])
    const again = await start(world, { ...quick, analysis: [] }, 'v2')
    await world.kill()
    for (let turn = 0; turn < 4; turn++) await world.settle(61_000)
    expect(world.director().detail(again)).toMatchObject({ previous: 'v4', state: 'done' })
    await world.director().act(again, 'undo')
    await world.settle()
    expect(new Set(versions(world))).toEqual(new Set(['v4']))
    expect(world.agents.flatMap(({ refusals }) => refusals)).toEqual([])
    expect(world.lines().filter((line) => line.includes('"base-released"'))).toHaveLength(1)
  })

  test('is refused with the reason: the champion itself, an unknown release or metric, a plan without agents', async () => {
    const world = await startWorld(3)
    const refused = (release: string, plan: object) => expect(world.director().start(release, plan)).rejects
    await refused('v1', quick).toMatchObject({ code: 'LRC-3023' })
    await refused('v9', quick).toMatchObject({ code: 'LRC-3007' })
    await refused('v2', { groups: [5, '100%'] }).toThrow('there are not 5 agents')
    await refused('v2', { groups: [{ size: 1, where: 'label.site == kiel' }, '100%'] }).toThrow(
      'none meets label.site == kiel',
    )
    await refused('v2', { groups: ['100%', { size: 1, where: 'label.site == oslo' }, '100%'] }).toThrow(
      'has no agents',
    )
    await refused('v2', { groups: [1] }).toThrow('the last group')
    await refused('v2', { analysis: [{ metric: 'speed' }] }).toMatchObject({ code: 'LRC-3020' })
    world.ledger().record({ type: 'alias-moved', alias: 'champion', release: null })
    await refused('v2', quick).toMatchObject({
      ...{ code: 'LRC-3021', message: 'no release is the champion, and agents have v1 still' },
    })
  })
})
