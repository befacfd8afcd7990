import { expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'

async function post(
  fleet: Fleet,
  path: string,
  body: unknown,
  headers: Record<string, string>,
  token?: string,
) {
  const { url, adminToken } = fleet.coordinator()
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${token ?? adminToken}`, 'content-type': 'application/json' },
      ...headers,
    },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const key = (text: string) => ({ 'idempotency-key': text })

test('a run that is asked for again under its key is the same run, also after a restart and at the same time', async () => {
  await using fleet = await startFleet()
  const spec = {
    ...{ name: 'tone', base: { model: fleet.model }, peft: { rank: 2, targets: ['q_proj'] } },
    ...{
      data: { maxTokens: 16 },
      local: { steps: 5, batch: 4, learningRate: 1e-3 },
      rounds: { count: 1, minimum: 2 },
    },
  }
  const start = (headers: Record<string, string>, changes: object = {}) =>
    post(fleet, '/api/v1/runs', { ...spec, ...changes }, headers)
  const [first, second] = await Promise.all([start(key('k1')), start(key('k1'))])
  expect([first.status, second.status, first.body.run]).toEqual([201, 201, 'tone-1'])
  expect(second.body).toEqual(first.body)
  expect((await start(key('k2'))).body.run).toBe('tone-2')
  expect((await start({})).body.run).toBe('tone-3')
  await fleet.restart()
  expect(await start(key('k1'))).toMatchObject({
    status: 201,
    body: { run: 'tone-1', createdAt: first.body.createdAt },
  })
  expect(await start(key('k1'), { seed: 3 })).toMatchObject({ status: 422, body: { code: 'LRC-1014' } })
  expect(await start(key('two words'))).toMatchObject({ status: 400, body: { code: 'LRC-1007' } })
  const { runs } = (await fleet.api('GET', '/api/v1/runs')).body as { runs: object[] }
  expect(runs.length).toBe(3)
})

test('a refusal is not kept: the request may come again under its key once it can be granted', async () => {
  await using fleet = await startFleet()
  const add = (name: string, text: string) =>
    post(fleet, '/api/v1/operators', { name, role: 'viewer' }, key(text))
  expect((await add('ada', 'a')).status).toBe(201)
  expect(await add('ada', 'b')).toMatchObject({ status: 409 })
  await fleet.api('POST', '/api/v1/operators/ada/remove')
  expect((await add('ada', 'b')).status).toBe(201)
})

test('tokens are answered again although only their hashes are kept, and only to whoever asked for them', async () => {
  await using fleet = await startFleet()
  const add = () => post(fleet, '/api/v1/operators', { name: 'ada', role: 'admin' }, key('k'))
  const invite = (token?: string) =>
    post(fleet, '/api/v1/agents/invite', { count: 3, prefix: 'site' }, key('k'), token)
  const added = await add()
  const invited = await post(fleet, '/api/v1/agents/invite', { count: 3, prefix: 'site' }, key('i'))
  const token = String(added.body.token)
  const own = await invite(token)
  await fleet.restart()
  expect(await add()).toEqual(added)
  expect(await post(fleet, '/api/v1/agents/invite', { count: 3, prefix: 'site' }, key('i'))).toEqual(invited)
  expect(await invite(token)).toEqual(own)
  expect(own.body.links).not.toEqual(invited.body.links)
  expect(new Set((invited.body.links as { join: string }[]).map(({ join }) => join)).size).toBe(3)
  expect(await invite()).toMatchObject({ status: 422 }) // the owner used this key for an operator
})

test('an alias moves only from what it was read as, if that is asked', async () => {
  await using fleet = await startFleet()
  for (const name of ['graz', 'oslo']) await startAgent(fleet, name, { delta: 2 })
  const runId = await fleet.startRun({ rounds: { count: 2, minimum: 2 } })
  await fleet.event(runId, 'run-ended')
  const move = (release: string, headers: Record<string, string>) =>
    post(fleet, '/api/v1/aliases/champion', { release }, headers)
  expect(await move('v1', { 'if-match': '"v1"' })).toMatchObject({ status: 412, body: { code: 'LRC-1015' } })
  expect((await move('v1', { 'if-none-match': '*' })).status).toBe(200)
  expect(await move('v2', { 'if-none-match': '*' })).toMatchObject({
    status: 412,
    body: { received: '"v1"' },
  })
  const { url, adminToken } = fleet.coordinator()
  const read = await fetch(`${url}/api/v1/aliases/champion`, {
    headers: { authorization: `Bearer ${adminToken}` },
  })
  const tag = read.headers.get('etag') ?? ''
  expect([tag, await read.json()]).toEqual(['"v1"', { alias: 'champion', release: 'v1' }])
  const both = await Promise.all([move('v2', { 'if-match': tag }), move('v2', { 'if-match': tag })])
  expect(both.map(({ status }) => status).toSorted()).toEqual([200, 412])
})

test('a rollout that is asked for again under its key is the same rollout', async () => {
  await using fleet = await startFleet()
  for (const name of ['graz', 'oslo']) await startAgent(fleet, name, { delta: 2 })
  const runId = await fleet.startRun({ rounds: { count: 2, minimum: 2 } })
  await fleet.event(runId, 'run-ended')
  await fleet.api('POST', '/api/v1/aliases/champion', { release: 'v1' })
  const start = (release: string) => post(fleet, '/api/v1/rollouts', { release }, key('r'))
  const first = await start('v2')
  expect([first.status, first.body.release]).toEqual([201, 'v2'])
  expect(await start('v2')).toMatchObject({ status: 201, body: { rollout: first.body.rollout } })
  expect((await start('v1')).body).toMatchObject({ code: 'LRC-1014' })
  await fleet.restart()
  expect((await start('v2')).body).toMatchObject({ rollout: first.body.rollout })
  const { rollouts } = (await fleet.api('GET', '/api/v1/rollouts')).body as { rollouts: object[] }
  expect(rollouts.length).toBe(1)
  const { url, adminToken } = fleet.coordinator()
  const read = await fetch(`${url}/api/v1/rollouts/latest`, {
    headers: { authorization: `Bearer ${adminToken}` },
  })
  const tag = read.headers.get('etag') ?? ''
  expect(tag).toBe(`"${((await read.json()) as { tag: string }).tag}"`)
  const order = (verb: string, headers: Record<string, string>) =>
    post(fleet, `/api/v1/rollouts/latest/${verb}`, {}, headers)
  const both = await Promise.all([order('pause', { 'if-match': tag }), order('pause', { 'if-match': tag })])
  expect(both.map(({ status }) => status).toSorted()).toEqual([200, 412])
  expect(await order('promote', { 'if-match': tag })).toMatchObject({ body: { code: 'LRC-1015' } })
  expect((await order('pause', {})).body).toMatchObject({ code: 'LRC-3023' })
})
