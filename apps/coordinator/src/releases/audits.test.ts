import type { PrivacyStatement } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { auditOf, auditsAfter, expectUnrefuted } from './audits.js'

const promise: PrivacyStatement = {
  unit: 'site',
  adjacency: 'zero-out',
  epsilon: 1.5,
  delta: 1e-5,
  accountant: 'gaussian',
  order: null,
  noise: 'server',
  noiseMultiplier: 3,
  rounds: 1,
  spent: 1.5,
}
const release = { name: 'v4', privacy: promise }
const finding = { canaries: 200, guesses: 40, correct: 38, delta: 1e-5, significance: 0.05 }

test('a release whose audited bound is above its ledger is refuted for good; one within it holds', () => {
  const refuted = auditOf(release, finding)
  expect(refuted).toMatchObject({ release: 'v4', promised: 1.5, verdict: 'refuted' })
  expect(refuted.epsilonLowerBound).toBeCloseTo(1.738585, 6) // of Steinke et al.'s formula
  const held = auditOf(release, { ...finding, correct: 30 })
  expect(held).toMatchObject({ verdict: 'holds', reason: null })
  const audits = auditsAfter(auditsAfter(new Map(), { type: 'release-audited', ...refuted }), {
    ...{ type: 'release-audited', ...held },
  })
  expect(audits.get('v4')).toEqual([refuted, held])
  expect(() => expectUnrefuted(audits, 'v4')).toThrow(expect.objectContaining({ code: 'LRC-3017' }))
  expect(() => expectUnrefuted(audits, 'v3')).not.toThrow()
})

test('a release that promises nothing is not refuted, and what cannot be counted is refused', () => {
  expect(auditOf({ name: 'v1' }, finding)).toMatchObject({ promised: null, verdict: 'holds' })
  const refusal = expect.objectContaining({ code: 'LRC-3001' })
  expect(() => auditOf(release, { ...finding, correct: 41 })).toThrow(refusal)
  expect(() => auditOf(release, { ...finding, delta: 1e-9 })).toThrow(refusal)
})
