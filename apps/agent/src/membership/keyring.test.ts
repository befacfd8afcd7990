import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIdentity, LoricaError, rotateText, verifyText } from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemDisk } from '../store/disk.js'
import { readSettings, writeSettings } from '../store/settings.js'
import { readIdentity, readNextIdentity, writeIdentity } from './identity.js'
import { openKeyring } from './keyring.js'
import { rotateKey } from './rotation.js'

const disk = systemDisk()
const [known, coordinator] = [createIdentity(), createIdentity()]
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-keys-'))
  await writeIdentity(folder, known)
  await writeSettings(folder, {
    ...{ schema: 1, url: 'http://127.0.0.1:7411', agentId: known.id, name: 'oslo', labels: {}, data: ['/a'] },
    ...{ coordinatorId: coordinator.id, coordinatorPublicKey: coordinator.publicKey },
  })
})
afterEach(() => rm(folder, { recursive: true }))

function answering(answer: (body: Record<string, string>) => unknown) {
  const asked: Record<string, string>[] = []
  const post = async (_url: string, path: string, body: unknown) => {
    if (path.endsWith('challenge')) return { nonce: 'n'.repeat(20), expiresInMs: 30_000 }
    asked.push(body as Record<string, string>)
    return answer(body as Record<string, string>)
  }
  return { post, asked }
}

test('a next key is offered with the signatures of both, tried first, and kept once it is accepted', async () => {
  const { post, asked } = answering(() => ({ agentId: known.id, isApproved: true }))
  const { keyId } = await rotateKey(folder, { post, disk })
  const [{ publicKey, nextPublicKey, nonce, signature, nextSignature }] = asked as [Record<string, string>]
  const text = rotateText(coordinator.id, nonce as string, nextPublicKey as string)
  expect([verifyText(known.publicKey, text, signature as string), publicKey]).toEqual([true, known.publicKey])
  expect(verifyText(nextPublicKey as string, text, nextSignature as string)).toBe(true)
  expect((await readSettings(folder))?.isRotated).toBe(true)

  const time = { ms: 1000 }
  const never = () => () => {}
  const clock = { now: () => time.ms, monotonicMs: () => time.ms, after: never, every: never }
  const keyring = openKeyring(folder, known, { clock, disk })
  expect((await keyring.choose()).id).toBe(keyId)
  expect(keyring.refused(new LoricaError('LRC-2013', 'not yet'))).toBe(true)
  expect((await keyring.choose()).id).toBe(known.id)
  expect(keyring.refused(new LoricaError('LRC-2006', 'gone'))).toBe(false)
  await keyring.accepted() // of the key before: nothing changes
  expect((await readNextIdentity(folder))?.id).toBe(keyId)
  time.ms += 60_001
  expect((await keyring.choose()).id).toBe(keyId)
  await keyring.accepted()
  expect([(await readIdentity(folder))?.id, await readNextIdentity(folder)]).toEqual([keyId, undefined])
  expect(await readFile(join(folder, 'identity.json'), 'utf8')).not.toContain(known.publicKey)
})

test('an offer that is refused leaves no next key, and one whose answer is lost is made again with the same key', async () => {
  const refusing = answering(() => {
    throw new LoricaError('LRC-2011', 'revoked')
  })
  await expect(rotateKey(folder, { post: refusing.post, disk })).rejects.toMatchObject({ code: 'LRC-2011' })
  expect(await readNextIdentity(folder)).toBeUndefined()
  const losing = answering(() => {
    throw new LoricaError('LRC-8002', 'no answer')
  })
  await expect(rotateKey(folder, { post: losing.post, disk })).rejects.toMatchObject({ code: 'LRC-8002' })
  const { post, asked } = answering(() => ({ agentId: known.id, isApproved: true }))
  await rotateKey(folder, { post, disk })
  expect(asked[0]?.nextPublicKey).toBe(losing.asked[0]?.nextPublicKey)
})
