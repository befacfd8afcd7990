/** What the journal says of a secure sum: who was on which list, and the hash of the sum. No share, seed or single update is ever in it. */
export type SumEvent =
  | {
      readonly type: 'sum-step'
      /** The list that was settled: who sent keys, who shared secrets, whose updates are in the sum, who confirmed it. */
      readonly step: 'keys' | 'shares' | 'input' | 'confirmation'
      readonly agents: readonly string[] // agentIds, sorted
    }
  | {
      readonly type: 'sum-finished'
      readonly survivors: readonly string[] // agentIds whose updates are in the sum, sorted
      readonly file: SumFile
      readonly ms: number // from the keys to the sum
      readonly unmaskMs: number // of the coordinator, to take the masks off
      readonly said: { readonly bytesUp: number; readonly bytesDown: number } // of the steps, beside the masked updates
      readonly elements: number // values of an update
    }

/** The sum, modulo 2^bits, `bits` bits an element: with the updates of its round. */
export interface SumFile {
  readonly sha256: string
  readonly sizeBytes: number
}

/** A secure sum as far as the journal knows it. */
export interface RoundSum {
  readonly lists: Readonly<Partial<Record<'keys' | 'shares' | 'input' | 'confirmation', readonly string[]>>>
  readonly survivors: readonly string[]
  readonly file: SumFile | null // null: it is not finished
  readonly ms: number | null
  readonly unmaskMs: number | null
  readonly said: { readonly bytesUp: number; readonly bytesDown: number }
  readonly elements: number
}

/** What an event makes of what was known. */
export function stepSum(known: RoundSum | null, event: SumEvent): RoundSum {
  const before = known ?? { lists: {}, survivors: [], file: null, ...unknownCost }
  if (event.type === 'sum-step') return { ...before, lists: { ...before.lists, [event.step]: event.agents } }
  const { survivors, file, ms, unmaskMs, said, elements } = event
  return { ...before, survivors, file, ms, unmaskMs, said, elements }
}

const unknownCost = { ms: null, unmaskMs: null, said: { bytesUp: 0, bytesDown: 0 }, elements: 0 }
