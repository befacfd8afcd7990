import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hubOf, pushFolder } from './hub.js'

const TOKEN = 'hf_planted4Vx81TokenOfSomebody'
let folder = ''
let close = () => {}
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-hub-'))
})
afterEach(async () => {
  close()
  await rm(folder, { recursive: true })
})

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** As much of a Hub as a commit needs: repositories, large files by Git LFS, commits as lines of JSON. */
async function startHub() {
  const repos = new Map<string, { visibility: string; files: Map<string, Buffer>; commits: unknown[] }>()
  const large = new Map<string, Buffer>()
  const answer = (response: ServerResponse, body: unknown, status = 200) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const bytes = Buffer.concat(parts)
    const path = request.url ?? ''
    if (request.method === 'PUT') {
      // signed by its address, so without the token
      if (request.headers.authorization !== undefined || sha256(bytes) !== path.split('/').at(-1))
        return answer(response, { error: 'not this file' }, 400)
      large.set(sha256(bytes), bytes)
      return answer(response, {})
    }
    if (request.headers.authorization !== `Bearer ${TOKEN}`)
      return answer(response, { error: `who is ${request.headers.authorization}?` }, 401)
    if (path === '/api/repos/create') {
      const { name, organization, visibility } = JSON.parse(bytes.toString())
      const id = `${organization}/${name}`
      if (repos.has(id)) return answer(response, { error: 'You already created this model repo' }, 409)
      repos.set(id, { visibility, files: new Map(), commits: [] })
      return answer(response, { url: `${url}/${id}`, id })
    }
    const [, id = ''] = /^\/(?:api\/models\/)?([^/]+\/[^/.]+)/.exec(path) ?? []
    const repo = repos.get(id)
    if (repo === undefined) return answer(response, { error: `no ${id}` }, 404)
    if (path.endsWith('/preupload/main')) {
      const { files } = JSON.parse(bytes.toString()) as { files: { path: string }[] }
      const modeOf = (name: string) => (name.endsWith('.safetensors') ? 'lfs' : 'regular')
      return answer(response, { files: files.map((file) => ({ ...file, uploadMode: modeOf(file.path) })) })
    }
    if (path.endsWith('.git/info/lfs/objects/batch')) {
      const { objects } = JSON.parse(bytes.toString()) as { objects: { oid: string; size: number }[] }
      return answer(response, {
        transfer: 'basic',
        objects: objects.map(({ oid, size }) => ({
          ...{ oid, size },
          ...(large.has(oid) ? {} : { actions: { upload: { href: `${url}/storage/${oid}` } } }),
        })),
      })
    }
    if (!path.endsWith('/commit/main')) return answer(response, { error: `what is ${path}?` }, 404)
    for (const { key, value } of bytes
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))) {
      if (key === 'header') repo.commits.push(value)
      if (key === 'file') repo.files.set(value.path, Buffer.from(value.content, value.encoding))
      if (key === 'lfsFile') repo.files.set(value.path, large.get(value.oid) as Buffer)
    }
    const commitOid = createHash('sha1').update(bytes).digest('hex')
    answer(response, {
      success: true,
      commitOid,
      commitUrl: `${url}/${id}/commit/${commitOid}`,
      hookOutput: '',
    })
  }
  const server = createServer((request, response) => void take(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  close = () => void server.close().closeAllConnections()
  return { url, repos, large }
}

const push = (more: object = {}) => ({
  ...{ repo: 'fjord/support-tone', isPublic: false, branch: 'main', folder },
  files: ['adapter_model.safetensors', 'adapter_config.json', 'README.md'],
  ...{ title: 'support-tone v3', description: 'Lorica release 9f2c' },
  ...more,
})

test('a release is committed with its weights by Git LFS, to a private repository that is made once', async () => {
  const hub = await startHub()
  const weights = Buffer.from(Float32Array.from({ length: 3001 }, (_, at) => Math.sin(at)).buffer)
  await writeFile(join(folder, 'adapter_model.safetensors'), weights)
  await writeFile(join(folder, 'adapter_config.json'), '{"r":4}')
  await writeFile(join(folder, 'README.md'), '# Tåken på fjorden\n')
  const to = await hubOf({ HF_ENDPOINT: `${hub.url}/`, HF_TOKEN: TOKEN })

  const first = await pushFolder(to, push())
  expect([first.isNew, first.url]).toEqual([true, `${hub.url}/fjord/support-tone/commit/${first.commit}`])
  const repo = hub.repos.get('fjord/support-tone')!
  expect(repo.visibility).toBe('private')
  expect(repo.files.get('adapter_model.safetensors')?.equals(weights)).toBe(true)
  expect(repo.files.get('README.md')?.toString()).toBe('# Tåken på fjorden\n')
  expect(repo.commits).toEqual([{ summary: 'support-tone v3', description: 'Lorica release 9f2c' }])

  await writeFile(join(folder, 'adapter_config.json'), '{"r":8}')
  const second = await pushFolder(to, push({ title: 'support-tone v4', isPublic: true }))
  expect([second.isNew, hub.large.size, repo.visibility]).toEqual([false, 1, 'private'])
  expect(repo.files.get('adapter_config.json')?.toString()).toBe('{"r":8}')
})

test('what the Hub says of a refusal is told without the token; without a token nothing is sent', async () => {
  const hub = await startHub()
  await writeFile(join(folder, 'README.md'), 'x')
  const stranger = { url: hub.url, token: 'hf_another7Token' }
  const refused = await pushFolder(stranger, push({ files: ['README.md'] })).catch((error) => error)
  expect(refused).toMatchObject({ code: 'LRC-8008', received: 'status 401' })
  expect(`${refused.message} ${JSON.stringify(refused)}`).not.toContain('another7')
  expect(refused.message).toContain('Bearer [secret]')
  close()
  await expect(pushFolder({ url: hub.url, token: TOKEN }, push())).rejects.toMatchObject({ code: 'LRC-8008' })

  await writeFile(join(folder, 'token'), `${TOKEN}\n`)
  expect(await hubOf({ HF_HOME: folder })).toEqual({ url: 'https://huggingface.co', token: TOKEN })
  expect((await hubOf({ HF_TOKEN: 'hf_1' }, join(folder, 'token'))).token).toBe(TOKEN)
  await expect(hubOf({ HF_HOME: '/nowhere' })).rejects.toMatchObject({ code: 'LRC-8001', received: 'none' })
  const wrong = await hubOf({ HF_TOKEN: 'secret-of-mine' }).catch((error) => error)
  expect(JSON.stringify(wrong) + wrong.message).not.toContain('secret-of-mine')
  await expect(hubOf({ HF_ENDPOINT: 'ftp://hub', HF_TOKEN: TOKEN })).rejects.toMatchObject({
    code: 'LRC-8001',
  })
})
