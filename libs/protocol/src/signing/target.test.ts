import { describe, expect, test } from 'vitest'
import type { LoricaError } from '../errors/lorica-error.js'
import type { Release } from '../messages/release.js'
import type { Root } from '../trust/root.js'
import { proveText } from '../trust/trust.js'
import { canonicalJson } from './canonical-json.js'
import { createIdentity, signText } from './identity.js'
import { manifestId } from './manifest.js'
import { signTarget, type Target, targetSha256, verifyTarget } from './target.js'

const coordinator = createIdentity()
const release: Release = { manifest: '{"schema":1}', signature: 'A'.repeat(86) }
const other: Release = { manifest: '{"schema":2}', signature: 'A'.repeat(86) }
const target: Target = {
  ...{ schema: 1, kind: 'target', fleet: coordinator.id, serial: 7 },
  release: { name: 'v3', id: manifestId(release) },
  ...{ previous: 'v2', rollout: 'rollout-2' },
  ...{ issuedAt: '2026-03-01T00:00:00.000Z', expiresAt: '2026-03-31T00:00:00.000Z' },
}
const signed = signTarget(coordinator, target, release)
const nowMs = Date.parse('2026-03-15T00:00:00.000Z')
const accept = { fleet: coordinator.id, known: undefined, nowMs }
const known = { serial: 7, sha256: targetSha256(signed) }

const refusal = (act: () => unknown): Pick<LoricaError, 'code' | 'message'> => {
  try {
    act()
  } catch (error) {
    return error as LoricaError
  }
  throw new Error('nothing was refused')
}
const resigned = (changes: object) => {
  const text = canonicalJson({ ...target, ...changes })
  return { ...signed, target: text, signature: signText(coordinator, text) }
}

describe('a target', () => {
  test('is read as it was signed, again and again, and with any higher serial', () => {
    expect(verifyTarget(signed, coordinator.publicKey, accept)).toEqual(target)
    expect(verifyTarget(signed, coordinator.publicKey, { ...accept, known })).toEqual(target)
    const older = { serial: 6, sha256: 'f'.repeat(64) }
    expect(verifyTarget(signed, coordinator.publicKey, { ...accept, known: older }).serial).toBe(7)
  })

  test.each([
    [
      'signed by somebody else',
      'LRC-6022',
      { ...signed, signature: signText(createIdentity(), signed.target) },
      accept,
    ],
    [
      'changed after it was signed',
      'LRC-6022',
      { ...signed, target: signed.target.replace('"serial":7', '"serial":9') },
      accept,
    ],
    [
      'not canonical',
      'LRC-6022',
      (() => {
        const text = `${signed.target} `
        return { ...signed, target: text, signature: signText(coordinator, text) }
      })(),
      accept,
    ],
    ['of a field too many', 'LRC-6022', resigned({ extra: 1 }), accept],
    ['for another fleet', 'LRC-6022', signed, { ...accept, fleet: 'ab'.repeat(16) }],
    [
      'older than what is known (rollback)',
      'LRC-6023',
      signed,
      { ...accept, known: { ...known, serial: 8 } },
    ],
    ['another one of the same serial', 'LRC-6023', resigned({ rollout: null }), { ...accept, known }],
    ['expired (freeze)', 'LRC-6024', signed, { ...accept, nowMs: Date.parse('2026-03-31T00:05:01.000Z') }],
    ['with another release than it names (mix and match)', 'LRC-6025', { ...signed, release: other }, accept],
  ])('that is %s is refused with %s', (_, code, message, from) => {
    expect(refusal(() => verifyTarget(message, coordinator.publicKey, from)).code).toBe(code)
  })

  test('is taken from a clock that is some minutes behind, and never signed with another release', () => {
    const behind = { ...accept, nowMs: Date.parse('2026-03-31T00:04:59.000Z') }
    expect(verifyTarget(signed, coordinator.publicKey, behind).serial).toBe(7)
    expect(() => signTarget(coordinator, target, other)).toThrow(`release expected ${manifestId(release)}`)
  })
})

test('where there is a root, a target needs a release key that it names, beside the coordinator', () => {
  const [online, revoked] = [createIdentity(), createIdentity()]
  const root: Root = {
    ...{ kind: 'root', schema: 1, fleet: coordinator.publicKey, version: 3, threshold: 1 },
    ...{ rootKeys: [createIdentity().publicKey], releaseKeys: [online.publicKey] },
    revokedKeys: [revoked.publicKey],
    ...{ issuedAt: '2026-01-01T00:00:00.000Z', expiresAt: '2026-03-16T00:00:00.000Z' },
  }
  const by = { fleet: coordinator.publicKey, root, past: [], nowMs }
  const provenBy = (key: typeof online) =>
    signTarget(coordinator, target, release, (text) => proveText(key, text))
  expect(verifyTarget(provenBy(online), by, accept)).toEqual(target)
  expect(refusal(() => verifyTarget(signed, by, accept)).code).toBe('LRC-6101')
  expect(refusal(() => verifyTarget(provenBy(createIdentity()), by, accept)).code).toBe('LRC-6101')
  expect(refusal(() => verifyTarget(provenBy(revoked), by, accept)).code).toBe('LRC-6102')
  const moved = { ...resigned({ serial: 8 }), ...{ proof: provenBy(online).proof } }
  expect(refusal(() => verifyTarget(moved, by, accept)).code).toBe('LRC-6022')
  const late = { ...by, nowMs: Date.parse('2026-03-16T00:00:00.000Z') }
  expect(refusal(() => verifyTarget(provenBy(online), late, accept)).code).toBe('LRC-6107')
})
