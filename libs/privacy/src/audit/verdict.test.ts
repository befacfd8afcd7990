import { expect, test } from 'vitest'
import { auditVerdict } from './verdict.js'

test('a bound within the promise holds, one above it refutes it', () => {
  expect(auditVerdict(1.73, 8)).toEqual({ verdict: 'holds' })
  expect(auditVerdict(8, 8)).toEqual({ verdict: 'holds' })
  expect(auditVerdict(8.01, 8)).toEqual({
    verdict: 'refuted',
    reason: 'an audit shows an epsilon of at least 8.01, and the ledger promises 8',
  })
})

test('a release that promises nothing cannot be refuted', () => {
  expect(auditVerdict(3.2, null)).toEqual({ verdict: 'holds' })
})

test.each([
  [Number.NaN, 8],
  [Number.POSITIVE_INFINITY, 8],
  [-1, 8],
  [1, Number.NaN],
  [1, -3],
  [Number.NaN, null],
])('a bound of %d against a promise of %s does not pass', (bound, promised) => {
  expect(auditVerdict(bound, promised).verdict).toBe('refuted')
})
