import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createIdentity,
  createToken,
  type Identity,
  idOf,
  joinLink,
  pinOf,
  signRoot,
  signText,
  textOfRoot,
} from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Config, parseConfig } from '../config.js'
import type { Post } from '../net/enrolment.js'
import { enter } from './membership.js'

const coordinator = createIdentity()
const text = ['One paragraph.', 'Another one,\nof two lines.', 'A third.'].join('\n\n')

let scratch = ''
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lorica-membership-'))
  await writeFile(join(scratch, 'notes.txt'), text)
  await writeFile(join(scratch, 'empty.txt'), ' \n\n')
  await writeFile(join(scratch, 'binary.txt'), Uint8Array.of(72, 105, 0, 255, 254))
  await writeFile(join(scratch, 'lines.jsonl'), '{"text":"first"}\nthe secret of line two\n')
})
afterEach(() => rm(scratch, { recursive: true, force: true }))

const linkOf = (identity: Identity) => joinLink('http://127.0.0.1:4411', createToken(identity.publicKey))
const configOf = (...args: string[]): Config => parseConfig([...args, '--dir', join(scratch, 'agent')])
const joining = (data: string, link = linkOf(coordinator)) =>
  configOf('join', link, '--data', join(scratch, data))

/** A coordinator that takes everyone. */
const welcome: Post = async (_url, _path, body) => {
  const agentId = idOf((body as { publicKey: string }).publicKey)
  const { id, publicKey } = coordinator
  return {
    agentId,
    coordinatorId: id,
    coordinatorPublicKey: publicKey,
    signature: signText(coordinator, agentId),
  }
}
const silence: Post = async () => {
  throw new Error('nothing may be sent')
}

test('an agent that joined keeps its key to itself and needs no token again', async () => {
  const joined = await enter(joining('notes.txt'), welcome)
  expect(joined).toMatchObject({ isNew: true, documents: 3, settings: { coordinatorId: coordinator.id } })
  expect((await stat(join(scratch, 'agent', 'identity.json'))).mode & 0o777).toBe(0o600)
  const again = await enter(configOf('start'), silence)
  expect(again).toMatchObject({ isNew: false, documents: 3 })
  expect(again.identity.id).toBe(joined.identity.id)
  expect((await enter(joining('notes.txt'), silence)).isNew).toBe(false)
})

test('data given at a start replaces the data given before', async () => {
  await enter(joining('notes.txt'), welcome)
  await writeFile(join(scratch, 'more.txt'), 'a\n\nb\n\nc\n\nd\n\ne')
  await enter(configOf('start', '--data', join(scratch, 'more.txt')), silence)
  expect((await enter(configOf('start'), silence)).documents).toBe(5)
})

test.each([
  ['missing.txt', 'LRC-6001', 'there is no such file'],
  ['empty.txt', 'LRC-6001', 'expected text, the file has none'],
  ['binary.txt', 'LRC-6001', 'line 1: expected text'],
  ['lines.jsonl', 'LRC-6001', 'line 2: expected a JSON object a line'],
])('data in %s is refused before anything is sent or written', async (name, code, message) => {
  const refused = await enter(joining(name), silence).catch((error: unknown) => error)
  expect(refused).toMatchObject({ code })
  expect((refused as Error).message).toContain(message)
  expect((refused as Error).message).not.toContain('secret')
  expect(await readdir(scratch)).not.toContain('agent')
})

test('one paragraph is too little', async () => {
  await writeFile(join(scratch, 'one.txt'), 'only one paragraph')
  await expect(enter(joining('one.txt'), silence)).rejects.toMatchObject({ code: 'LRC-6002', received: '1' })
})

test('a base that is none is refused before anything is sent or written', async () => {
  const config = { ...joining('notes.txt'), base: scratch }
  await expect(enter(config, silence)).rejects.toMatchObject({ code: 'LRC-3003' })
  expect(await readdir(scratch)).not.toContain('agent')
})

test('a coordinator with another key than the link pins leaves nothing behind', async () => {
  const link = linkOf(createIdentity())
  await expect(enter(joining('notes.txt', link), welcome)).rejects.toMatchObject({ code: 'LRC-2008' })
  expect(await readdir(scratch)).not.toContain('agent')
})

test('a folder of one fleet does not join another', async () => {
  await enter(joining('notes.txt'), welcome)
  const other = joining('notes.txt', linkOf(createIdentity()))
  await expect(enter(other, silence)).rejects.toMatchObject({ code: 'LRC-2008' })
})

test('an agent without its key is told to restore it', async () => {
  await enter(joining('notes.txt'), welcome)
  await rm(join(scratch, 'agent', 'identity.json'))
  await expect(enter(configOf('start'), silence)).rejects.toMatchObject({ code: 'LRC-2004' })
})

test('a start from a folder that never joined asks for a link', async () => {
  await expect(enter(configOf('start'), silence)).rejects.toMatchObject({ code: 'LRC-8001' })
})

test('the root of a link is kept; a folder that trusts another one of its version is refused', async () => {
  const rootKey = createIdentity()
  const rootOf = (releaseKey: Identity) => {
    const text = textOfRoot({
      ...{ kind: 'root', schema: 1, fleet: coordinator.publicKey, version: 1, threshold: 1 },
      ...{ rootKeys: [rootKey.publicKey], releaseKeys: [releaseKey.publicKey], revokedKeys: [] },
      ...{ issuedAt: '2026-03-04T05:06:07.000Z', expiresAt: '2027-03-04T05:06:07.000Z' },
    })
    return signRoot(rootKey, { root: text, signatures: [] })
  }
  const [mine, another] = [rootOf(createIdentity()), rootOf(createIdentity())]
  const naming = (root = mine) =>
    joinLink('http://127.0.0.1:4411', createToken(coordinator.publicKey), pinOf(root))
  expect((await enter(joining('notes.txt', naming()), welcome)).settings.root).toEqual(pinOf(mine))
  expect((await enter(configOf('start'), silence)).settings.root).toEqual(pinOf(mine))
  await writeFile(join(scratch, 'agent', 'trust.json'), JSON.stringify({ schema: 1, roots: [mine] }))
  expect((await enter(joining('notes.txt', naming()), silence)).isNew).toBe(false)
  const refused = enter(joining('notes.txt', naming(another)), silence)
  await expect(refused).rejects.toMatchObject({ code: 'LRC-6112' })
})
