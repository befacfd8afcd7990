import { expect, test } from 'vitest'
import { auditVerdict } from './verdict.js'

const at = (epsilon: number, delta = 1e-5) => ({ epsilon, delta })

test('a bound within the promise holds, one above it refutes it', () => {
  expect(auditVerdict(at(1.73), at(8))).toEqual({ verdict: 'holds' })
  expect(auditVerdict(at(8), at(8))).toEqual({ verdict: 'holds' })
  expect(auditVerdict(at(8.01), at(8))).toEqual({
    verdict: 'refuted',
    reason: 'an audit shows an epsilon of at least 8.01, and the ledger promises 8',
  })
})

test('a release that promises nothing cannot be refuted', () => {
  expect(auditVerdict(at(3.2), null)).toEqual({ verdict: 'holds' })
})

test('an audit at a larger delta refutes, too, and one at a smaller delta says nothing', () => {
  expect(auditVerdict(at(9, 1e-4), at(8)).verdict).toBe('refuted')
  expect(() => auditVerdict(at(9, 1e-6), at(8))).toThrow('delta expected 0.00001 or more')
})

test.each([
  [at(Number.NaN), at(8)],
  [at(Number.POSITIVE_INFINITY), at(8)],
  [at(-1), at(8)],
  [at(1), at(Number.NaN)],
  [at(1), at(-3)],
  [at(1), at(8, Number.NaN)],
  [at(Number.NaN), null],
])('a bound of $epsilon against a promise of %s does not pass', (bound, promised) => {
  expect(auditVerdict(bound, promised).verdict).toBe('refuted')
})
