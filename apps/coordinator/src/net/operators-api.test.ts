import { expect, test } from 'vitest'
import { type Fleet, startFleet } from '../fleet.fixture.js'

async function statusOf(fleet: Fleet, token: string, method: string, path: string): Promise<number> {
  const { status } = await fetch(`${fleet.coordinator().url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(method === 'POST' ? { body: '{}' } : {}),
  })
  return status
}

test('operators do what their roles allow, until they are removed', async () => {
  await using fleet = await startFleet()
  const add = async (name: string, role: string) => {
    const { body, status } = await fleet.api('POST', '/api/v1/operators', { name, role })
    expect(status).toBe(201)
    return (body as { token: string }).token
  }
  const viewer = await add('ada', 'viewer')
  const operator = await add('ole', 'operator')
  const admin = await add('una', 'admin')
  const may = async (token: string) => [
    await statusOf(fleet, token, 'GET', '/api/v1/agents'),
    await statusOf(fleet, token, 'POST', '/api/v1/runs'), // allowed: 400, the run is empty
    await statusOf(fleet, token, 'POST', '/api/v1/agents/invite'),
  ]
  expect(await may(viewer)).toEqual([200, 403, 403])
  expect(await may(operator)).toEqual([200, 400, 403])
  expect(await may(admin)).toEqual([200, 400, 200])
  expect(await statusOf(fleet, viewer, 'GET', '/api/v1/%6Fperators')).toBe(403)
  expect(await may('nobody')).toEqual([401, 401, 401])
  await fleet.restart()
  expect(await may(viewer)).toEqual([200, 403, 403])
  const { body } = await fleet.api('GET', '/api/v1/operators')
  expect(JSON.stringify(body)).toBe(
    '{"operators":[{"name":"ada","role":"viewer"},{"name":"ole","role":"operator"},{"name":"una","role":"admin"}]}',
  )
  expect((await fleet.api('POST', '/api/v1/operators', { name: 'ada', role: 'admin' })).status).toBe(409)
  await fleet.api('POST', '/api/v1/operators/ada/remove')
  expect(await may(viewer)).toEqual([401, 401, 401])
  expect(await may(operator)).toEqual([200, 400, 403])
})
