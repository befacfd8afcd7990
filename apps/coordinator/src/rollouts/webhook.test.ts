import { expect, test } from 'vitest'
import type { Answer } from './calling.js'
import { startWorld, type World } from './fleet.fixture.js'

const plan = { groups: [1, '50%', '100%'], soak: '1m', analysis: [] }
const gate = (when: string) => ({ ...plan, webhooks: [{ hook: 'ci', gate: when }] })
const answered = (text: string): Answer => ({ kind: 'answered', text })
const hangs: Answer = { kind: 'failed', reason: 'no answer in 10 s', mayTryAgain: true }
const having = (world: World, release: string) =>
  world.agents.filter((agent) => world.has(agent) === release).length
const types = (world: World) => world.hook.sent.map(({ body }) => JSON.parse(body).type)
const detail = (world: World) => world.director().detail('latest')

test('a webhook that says proceed lets each group begin, and is asked once over each, without a name of an agent', async () => {
  const world = await startWorld(8)
  await world.director().start('v2', gate('before-group'))
  for (let turn = 0; turn < 4; turn++) await world.settle(61_000)
  expect(detail(world).state).toBe('done')
  expect(types(world)).toEqual(['rollout.before-group', 'rollout.before-group', 'rollout.before-group'])
  expect(new Set(world.hook.sent.map(({ id }) => id)).size).toBe(3)
  const { data } = JSON.parse(world.hook.sent[1]?.body ?? '')
  expect(data).toMatchObject({ release: 'v2', previous: 'v1', group: { number: 2, of: 3, agents: 3 } })
  const texts = world.hook.sent.map(({ body }) => body).join()
  for (const { agentId, name } of world.agents)
    expect([texts.includes(agentId), texts.includes(`"${name}"`)]).toEqual([false, false])
})

test('one that says halt before anybody has it ends a rollout that nobody saw; after a group, the group goes back', async () => {
  const world = await startWorld(6)
  world.hook.answer = () => answered('{"decision":"halt","reason":"freeze\\u0007 of the week"}')
  await world.director().start('v2', gate('before-group'))
  await world.settle(1000)
  expect(detail(world)).toMatchObject({ state: 'aborted', group: 0 })
  expect(detail(world).reason).toBe('webhook ci, before-group 1: halt: freeze? of the week')
  await world.director().start('v2', gate('after-group'))
  await world.settle(1000)
  expect(having(world, 'v2')).toBe(1)
  await world.settle(61_000)
  expect(detail(world)).toMatchObject({ state: 'aborted', group: 1 })
  await world.settle()
  expect(having(world, 'v1')).toBe(6)
})

test('one that hangs is tried again with the same id, then the rollout is paused with the code, and resuming asks anew', async () => {
  const world = await startWorld(6)
  world.hook.answer = () => hangs
  await world.director().start('v2', gate('after-group'))
  await world.settle(61_000)
  for (let turn = 0; turn < 20; turn++) await world.settle(1000)
  expect(detail(world)).toMatchObject({ state: 'paused', group: 1 })
  expect(detail(world).reason).toBe('webhook ci, after-group 1: LRC-3025 no answer in 10 s, in 4 tries')
  expect(world.hook.sent).toHaveLength(4)
  expect(new Set(world.hook.sent.map(({ id }) => id)).size).toBe(1)
  expect(having(world, 'v2')).toBe(1)
  await world.settle(3_600_000)
  expect(world.hook.sent).toHaveLength(4)
  world.hook.answer = () => answered('{"decision":"proceed"}')
  await world.director().act('latest', 'resume')
  for (let turn = 0; turn < 4; turn++) await world.settle(61_000)
  expect(detail(world).state).toBe('done')
  expect(world.hook.sent[4]?.id).not.toBe(world.hook.sent[3]?.id)
})

test.each([
  ['no JSON', 'yes', 'LRC-3026'],
  ['another word', '{"decision":"go"}', 'LRC-3026'],
  ['nothing', '', 'LRC-3026'],
  ['that it cannot tell', '{"decision":"inconclusive","reason":"too few"}', 'inconclusive: too few'],
])(
  'one that answers %s pauses the rollout, and a person who promotes it goes over that point alone',
  async (_, text, why) => {
    const world = await startWorld(6)
    world.hook.answer = () => answered(text)
    await world.director().start('v2', gate('before-group'))
    await world.settle(1000)
    expect(detail(world)).toMatchObject({ state: 'paused', group: 0 })
    expect(detail(world).reason).toContain(why)
    expect(having(world, 'v2')).toBe(0)
    await world.director().act('latest', 'promote')
    await world.settle(1000)
    expect(having(world, 'v2')).toBe(1)
    await world.settle(62_000)
    await world.settle(1000)
    expect(detail(world)).toMatchObject({ state: 'paused', group: 1 })
  },
)

test('a question that was under way when the coordinator died is asked again with its id', async () => {
  const world = await startWorld(4)
  world.hook.answer = () => 'never'
  await world.director().start('v2', gate('before-group'))
  await world.settle(1000)
  expect(detail(world).reason).toBe('waits for webhook ci')
  await world.kill()
  world.hook.answer = () => answered('{"decision":"proceed"}')
  await world.settle(1000)
  expect(having(world, 'v2')).toBe(1)
  expect(world.hook.sent.map(({ id }) => id)).toEqual([world.hook.sent[0]?.id, world.hook.sent[0]?.id])
})

test('what is told comes in order and once, over a start of the coordinator, and holds up nothing', async () => {
  const world = await startWorld(4)
  const told = { ...plan, webhooks: [{ hook: 'ci', tell: ['group-opened', 'done', 'undone'], tries: 2 }] }
  world.hook.answer = () => hangs
  await world.director().start('v2', told)
  for (let turn = 0; turn < 4; turn++) await world.settle(61_000)
  expect(detail(world).state).toBe('done')
  await world.director().act('latest', 'undo')
  world.hook.sent.length = 0
  world.hook.answer = () => answered('')
  await world.kill()
  for (let turn = 0; turn < 5; turn++) await world.settle(61_000)
  expect(types(world).at(-1)).toBe('rollout.undone')
  const { length } = world.hook.sent
  await world.kill()
  await world.settle(61_000)
  expect(world.hook.sent).toHaveLength(length)
})

test('a plan that names a webhook which the coordinator does not know is refused', async () => {
  const world = await startWorld(2)
  const unknown = { ...plan, webhooks: [{ hook: 'pager', tell: ['done'] }] }
  await expect(world.director().start('v2', unknown)).rejects.toMatchObject({
    code: 'LRC-3020',
    expected: 'ci',
  })
  const both = { ...plan, webhooks: [{ hook: 'ci', gate: 'after-group', tell: ['done'] }] }
  await expect(world.director().start('v2', both)).rejects.toThrow('either gate, or what to tell')
})
