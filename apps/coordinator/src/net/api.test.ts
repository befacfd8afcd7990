import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startAgent } from '../agent.fixture.js'
import { type OpenApi, openApiOf } from '../api/openapi.js'
import type { Route } from '../api/route.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'
import { systemHost } from '../host.js'
import { openService } from '../service.js'
import { createMetrics } from '../watching/metrics.js'
import { type AgentParts, agentRoutes } from './agent-api.js'
import { serveApi } from './api.js'
import { openHttp } from './http.js'
import { type OperatorParts, operatorRoutes } from './operator-api.js'

let root: string
let fleet: Fleet
let runId: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lorica-api-'))
  fleet = await startFleet(root)
  for (const name of ['graz', 'oslo', 'turin']) await startAgent(fleet, name, { delta: 4, tokens: 60 })
  runId = await fleet.startRun({ rounds: { count: 2, minimum: 3 } })
  await fleet.event(runId, 'run-ended')
  await fleet.api('POST', '/api/v1/aliases/champion', { release: 'v1' })
  await fleet.api('POST', '/api/v1/rollouts', { release: 'v2', plan: { groups: ['100%'] } })
  await fleet.api('POST', '/api/v1/operators', { name: 'ada', role: 'viewer' })
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true })
})

const documentOf = async () => (await fleet.api('GET', '/api/v1/openapi.json')).body as OpenApi

/** A service that nobody can reach, and what its routes act on. */
async function partsOf(): Promise<{ parts: AgentParts & OperatorParts; close: () => Promise<void> }> {
  const dir = await mkdtemp(join(root, 'service-'))
  const service = await openService({ dir, leaseMs: 300 }, () => {}, systemHost())
  const { parts, conductor, director, admission, adminToken, connections, records, uploads } = service
  const metrics = createMetrics({ ...parts, conductor, uploads }, () => 0)
  const doorway = { enter: () => {}, proven: () => {}, wrong: () => {} }
  const binding = () => {
    throw new RangeError('no certificate')
  }
  return {
    parts: {
      ...{ ...parts, conductor, director, admission, adminToken, doorway, records, metrics, binding },
      ...{ invite: async () => [], disconnect: connections.disconnect },
    },
    close: async () => {
      metrics.close()
      await service.stop()
      await service.close()
    },
  }
}

test('the document is valid OpenAPI 3.1, names every schema that it refers to, and each operation once', async () => {
  const document = await documentOf()
  const { valid, errors } = await new Validator().validate({ ...document })
  expect([valid, errors]).toEqual([true, undefined])
  const names = Object.keys(document.components.schemas)
  const referred = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(
    ([, name]) => name,
  )
  expect(referred.filter((name) => !names.includes(String(name)))).toEqual([])
  expect(names).toEqual(
    expect.arrayContaining(['AgentView', 'RunView', 'RunEvent', 'ReleaseView', 'Problem']),
  )
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  )
  expect(new Set(ids).size).toBe(ids.length)
})

test('every route that is served is in the document, with the role that it needs', async () => {
  const { parts, close } = await partsOf()
  const app = openHttp(() => {})
  const served: string[] = []
  app.addHook('onRoute', ({ method, url, config }) => {
    if (method !== 'HEAD') served.push(`${String(method)} ${url} ${(config as { role?: string }).role}`)
  })
  serveApi(app, parts)
  await app.ready()
  const { paths } = await documentOf()
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) =>
        `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')} ${operation['x-lorica-role']}`,
    ),
  )
  expect(served.toSorted()).toEqual(documented.toSorted())
  await app.close()
  await close()
})

test('what each route answers that is read fits the schema that it declares, and has no other field', async () => {
  const { parts, close } = await partsOf()
  const routes = [...agentRoutes(parts), ...operatorRoutes(parts)]
  const files = (
    (await fleet.api('GET', '/api/v1/releases/v1')).body as { manifest: { files: { sha256: string }[] } }
  ).manifest.files
  const values: Readonly<Record<string, string>> = {
    '/agents/:id': 'oslo',
    '/runs/:id': runId,
    '/releases/:id': 'champion',
    '/rollouts/:id': 'latest',
    '/blobs/:id': files[0]?.sha256 ?? '',
    ':n': '1',
    ':alias': 'champion',
  }
  const pathOf = ({ path }: Route) =>
    Object.entries(values).reduce((so, [part, value]) => {
      const [before] = part.split(':')
      return so.replace(part, `${before}${value}`)
    }, path)
  const read = routes.filter(({ method, path }) => method === 'GET' && path !== '/api/v1/coordinator')
  for (const one of read) {
    const { adminToken, url } = fleet.coordinator()
    const headers = { authorization: `Bearer ${adminToken}` }
    const response = await fetch(`${url}${pathOf(one)}`, { headers })
    const media = response.headers.get('content-type')?.split(';')[0]
    expect([one.path, response.status, media]).toEqual([one.path, one.status, one.media.split(';')[0]])
    const text = await response.text()
    if (!one.media.includes('json')) continue
    for (const line of one.media === 'application/json' ? [text] : text.split('\n').filter(Boolean)) {
      const body: unknown = JSON.parse(line)
      expect([one.path, one.answer.parse(body)]).toEqual([one.path, body])
    }
  }
  expect(read.length).toBeGreaterThan(12)
  await close()
})

test('lists are given page by page', async () => {
  const first = (await fleet.api('GET', '/api/v1/agents?limit=2')).body as {
    agents: { name: string }[]
    next: string
  }
  expect(first.agents.map(({ name }) => name)).toEqual(['graz', 'oslo'])
  const rest = await fleet.api('GET', `/api/v1/agents?limit=2&cursor=${first.next}`)
  expect(rest.body).toMatchObject({ agents: [{ name: 'turin' }] })
  expect(rest.body).not.toHaveProperty('next')
  expect((await fleet.api('GET', '/api/v1/releases?limit=1')).body).toMatchObject({
    releases: [{ name: 'v1' }],
    next: Buffer.from('v1').toString('base64url'),
  })
  for (const query of ['limit=0', 'limit=1001', 'limit=two', 'cursor=bm9uZQ'])
    expect((await fleet.api('GET', `/api/v1/runs?${query}`)).body).toMatchObject({
      ...{ code: 'LRC-1007', status: 400 },
    })
})

test('the page needs no script and nothing from elsewhere, and shows every route', async () => {
  const response = await fetch(`${fleet.coordinator().url}/api/v1/docs`)
  const page = await response.text()
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(response.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'/,
  )
  expect(page).not.toMatch(/<script|https?:\/\/|javascript:|@import/)
  for (const path of Object.keys((await documentOf()).paths)) expect(page).toContain(`</b> ${path}</h3>`)
  const targets = [...page.matchAll(/href="#(\w+)"/g)].map(([, id]) => id)
  expect(targets.filter((id) => !page.includes(` id="${id}"`))).toEqual([])
})

test('a code is told at the status that it has, and shapes are told once for what is given and once for what is shown', () => {
  const shape = z.object({ name: z.string().default('tone') }).meta({ id: 'ShapeOfATest' })
  const document = openApiOf(
    [
      {
        ...{ method: 'POST', path: '/api/v1/tones/:id', role: 'operator', summary: 'A tone' },
        ...{ params: z.object({ id: z.string() }), query: undefined, headers: {}, bodyBytes: undefined },
        body: { schema: shape, read: (raw) => raw },
        ...{ answer: shape, media: 'application/json', status: 201, alsoStatus: undefined },
        ...{ isOnce: false, codes: ['LRC-3004'], enter: () => {}, handle: async () => ({}) },
      },
    ],
    'lorica 3.2',
  )
  const operation = document.paths['/api/v1/tones/{id}']?.post
  expect(Object.keys(operation?.responses ?? {})).toEqual([
    '201',
    '400',
    '401',
    '403',
    '404',
    '413',
    '500',
    '507',
  ])
  expect(operation?.responses['404']).toMatchObject({ description: 'LRC-3004: Run is not known' })
  expect(operation?.parameters).toEqual([
    { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
  ])
  const { ShapeOfATestInput, ShapeOfATest } = document.components.schemas
  expect([ShapeOfATestInput?.required, ShapeOfATest?.required]).toEqual([undefined, ['name']])
})
