import { LoricaError } from '@lorica/protocol'

/** The strategies that need no more than a sum, and release one adapter. */
export const privateStrategyNames = ['ffa', 'fedsvd', 'rolora', 'fedavg'] as const
export type PrivateStrategy = (typeof privateStrategyNames)[number]

/** Those that a list names. LRC-8001 for others. */
export function strategiesIn(given: string): readonly PrivateStrategy[] {
  return given.split(',').map((name) => {
    const found = privateStrategyNames.find((one) => one === name)
    if (found !== undefined) return found
    throw new LoricaError('LRC-8001', '--strategies has an unknown name', {
      expected: privateStrategyNames.join(', '),
      received: name,
    })
  })
}

/** The numbers that a list names. LRC-8001 for what is none. */
export function epsilonsIn(given: string): readonly number[] {
  const epsilons = given.split(',').map(Number)
  if (epsilons.every((epsilon) => epsilon > 0 && Number.isFinite(epsilon))) return epsilons
  throw new LoricaError('LRC-8001', '--epsilons expected numbers above 0, separated by commas', {
    received: given,
  })
}

/** At this epsilon a federation is expected to keep this share of what it gains. */
export const expected = { epsilon: 8, kept: 0.5 } as const
