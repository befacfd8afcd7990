import { expect, test } from 'vitest'
import { sum, tallyLine, tallyOfReport } from './tally.js'

const suite = (status: string, ...statuses: readonly string[]) => ({
  status,
  assertionResults: statuses.map((one) => ({ status: one })),
})

test('tests are counted by how they went', () => {
  const report = {
    testResults: [
      suite('failed', 'passed', 'failed', 'failed', 'skipped'),
      suite('passed', 'passed', 'passed', 'todo', 'pending'),
    ],
  }
  expect(tallyOfReport(report)).toEqual({ passed: 3, failed: 2, skipped: 3 })
})

test('a file that fails before its tests run is one failure', () => {
  expect(tallyOfReport({ testResults: [suite('failed')] })).toEqual({ passed: 0, failed: 1, skipped: 0 })
})

test('tallies add up and are told in one line', () => {
  const total = sum([
    { passed: 12, failed: 3, skipped: 4 },
    { passed: 5, failed: 2, skipped: 7 },
  ])
  expect(tallyLine(total)).toBe('17 passed, 5 failed, 11 skipped')
})
