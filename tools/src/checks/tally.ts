/** How many checks or tests went which way. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The sum of several tallies. */
export function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }),
    { passed: 0, failed: 0, skipped: 0 },
  )
}

/** The line that a test run closes with. */
export function tallyLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

interface VitestReport {
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

/** Counts vitest's JSON report; a file that failed before its tests ran counts as one failure. */
export function tallyOfReport(report: VitestReport): Tally {
  return sum(
    report.testResults.map(({ status, assertionResults }) => {
      const count = (...kinds: readonly string[]): number =>
        assertionResults.filter((one) => kinds.includes(one.status)).length
      const failed = count('failed')
      return {
        passed: count('passed'),
        failed: status === 'failed' && failed === 0 ? 1 : failed,
        skipped: count('skipped', 'pending', 'todo', 'disabled'),
      }
    }),
  )
}
