import type { RoundSummary } from '@lorica/protocol'

/** Why seats of a run brought nothing, over its rounds. */
export interface Reason {
  readonly kind: 'refused' | 'declined' | 'absent'
  readonly code: string
  readonly count: number
  readonly rounds: readonly number[]
}

/** The reasons of all rounds together, the most frequent first. Of a round that was tried again, those of its latest attempt. */
export function reasonsOf(rounds: readonly Pick<RoundSummary, 'round' | 'reasons'>[]): readonly Reason[] {
  const found = new Map<string, Reason>()
  for (const { round, reasons } of rounds) {
    for (const { kind, code, count } of reasons) {
      const key = `${kind} ${code}`
      const known = found.get(key) ?? { kind, code, count: 0, rounds: [] }
      found.set(key, { ...known, count: known.count + count, rounds: [...known.rounds, round] })
    }
  }
  return [...found.values()].toSorted((a, b) => b.count - a.count)
}

/** Numbers as people list them: `1 to 3, 7`. */
export function spans(numbers: readonly number[]): string {
  const parts: [number, number][] = []
  for (const one of numbers) {
    const last = parts.at(-1)
    if (last !== undefined && one === last[1] + 1) last[1] = one
    else parts.push([one, one])
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`)).join(', ')
}
