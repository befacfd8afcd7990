/** What became of hostile acts, and which of them were not answered as they have to be. */
export interface Outcomes {
  /** Counts one act by what it came to. What is neither a code nor a plain end is a problem, and so is an error. */
  note(what: string, act: () => Promise<readonly string[]>): Promise<void>
  /** Counts bytes that were sent. */
  sent(bytes: number): void
  problem(what: string): void
  summary(): Summary
}

export interface Summary {
  readonly acts: number
  readonly sentBytes: number
  readonly codes: Readonly<Record<string, number>> // of refusals
  readonly problems: readonly string[]
}

const CODED = /^LRC-[1-8]\d{3}$/ // LRC-9001 would be a fault of the coordinator
const PLAIN: readonly string[] = ['left', 'no answer']

export function createOutcomes(): Outcomes {
  const codes: Record<string, number> = {}
  const problems: string[] = []
  let acts = 0
  let sentBytes = 0
  return {
    async note(what, act) {
      acts++
      const all = await act().catch((error: Error) => [error.message])
      for (const one of all) {
        if (CODED.test(one)) codes[one] = (codes[one] ?? 0) + 1
        else if (!PLAIN.includes(one)) problems.push(`${what}: ${one}`)
      }
    },
    sent(bytes) {
      sentBytes += bytes
    },
    problem: (what) => void problems.push(what),
    summary: () => ({ acts, sentBytes, codes: { ...codes }, problems: [...problems] }),
  }
}
