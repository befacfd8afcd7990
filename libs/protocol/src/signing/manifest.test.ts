import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { LoricaError } from '../errors/lorica-error.js'
import { canonicalJson } from './canonical-json.js'
import { createIdentity, signText } from './identity.js'
import { manifestId, type ReleaseManifest, signManifest, verifyRelease } from './manifest.js'

const identity = createIdentity()
const base = 'b'.repeat(64)
const manifest: ReleaseManifest = {
  schema: 1,
  version: 3,
  name: 'v3',
  runId: 'tone-2',
  runName: 'tone',
  round: 2,
  parent: 'v2',
  base: { sha256: base, name: 'smol' },
  files: [{ path: 'adapter_model.safetensors', sha256: 'c'.repeat(64), sizeBytes: 1234 }],
  contributions: [{ agentId: 'd'.repeat(32), name: 'oslo', updateSha256: 'e'.repeat(64), weight: 0.25 }],
  evaluation: { loss: 2.5, tokens: 40, perAgent: [{ agentId: 'd'.repeat(32), loss: 2.5, tokens: 40 }] },
  createdAt: '2026-01-02T03:04:05.678Z',
  software: 'lorica/0.1.0',
  coordinatorPublicKey: identity.publicKey,
}

function codeOf(act: () => unknown): string {
  try {
    act()
    return 'passes'
  } catch (error) {
    return error instanceof LoricaError ? error.code : `threw ${String(error)}`
  }
}

describe('canonicalJson', () => {
  test('keys are sorted, spaces are left out, and undefined fields too', () => {
    expect(canonicalJson({ b: [1.5, 'ä"', null], a: { d: undefined, c: true } })).toBe(
      '{"a":{"c":true},"b":[1.5,"ä\\"",null]}',
    )
    expect(canonicalJson({ aa: 1e21, a: -0.5, B: 2 })).toBe('{"B":2,"a":-0.5,"aa":1e+21}')
  })

  test('what JSON cannot hold is refused', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 2n, () => 2, new Date(), undefined]) {
      expect(() => canonicalJson({ list: [value] })).toThrow(TypeError)
    }
  })
})

describe('verifyRelease', () => {
  test('a signed release gives its manifest back', () => {
    const release = signManifest(identity, manifest)
    expect(verifyRelease(release, identity.publicKey, { baseSha256: base, newerThan: 2 })).toEqual(manifest)
    expect(manifestId(release)).toBe(createHash('sha256').update(release.manifest).digest('hex'))
  })

  test('one changed character is refused', () => {
    const release = signManifest(identity, manifest)
    const changed = { ...release, manifest: release.manifest.replace('"loss":2.5', '"loss":1.5') }
    expect(codeOf(() => verifyRelease(changed, identity.publicKey))).toBe('LRC-6005')
  })

  test('a release by another key, of another base, or with the wrong name is refused', () => {
    const release = signManifest(identity, manifest)
    const other = createIdentity()
    expect(codeOf(() => verifyRelease(release, other.publicKey))).toBe('LRC-6106')
    expect(codeOf(() => verifyRelease(signManifest(other, manifest), other.publicKey))).toBe('LRC-6106')
    expect(codeOf(() => verifyRelease(release, identity.publicKey, { baseSha256: 'f'.repeat(64) }))).toBe(
      'LRC-6108',
    )
    const misnamed = signManifest(identity, { ...manifest, name: 'v9' })
    expect(codeOf(() => verifyRelease(misnamed, identity.publicKey))).toBe('LRC-6109')
  })

  test('a version that is not newer is refused with its own code', () => {
    const release = signManifest(identity, manifest)
    expect(codeOf(() => verifyRelease(release, identity.publicKey, { newerThan: 3 }))).toBe('LRC-6006')
  })

  test('signed text that is not canonical, not a manifest or not JSON is refused', () => {
    for (const text of [JSON.stringify(manifest, null, 1), '{"schema":2}', 'no JSON', 'null']) {
      const release = { manifest: text, signature: signText(identity, text) }
      expect(codeOf(() => verifyRelease(release, identity.publicKey))).toBe('LRC-6005')
    }
  })

  test.each(['../up', '/etc/passwd', 'a/../b', 'a//b', '.hidden', 'a\\b', 'c:x', ''])(
    'a file at "%s" is refused',
    (path) => {
      const text = canonicalJson({ ...manifest, files: [{ ...manifest.files[0], path }] })
      const release = { manifest: text, signature: signText(identity, text) }
      expect(codeOf(() => verifyRelease(release, identity.publicKey))).toBe('LRC-6005')
    },
  )
})
