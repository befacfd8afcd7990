import { Option } from 'commander'

const choices = ['none', 'cheap', 'blocks'] as const

export type RecomputeChoice = (typeof choices)[number]

/** `--recompute`: time for memory, in how much. */
export function recomputeOption(): Option {
  return new Option(
    '--recompute <what>',
    'what the backward pass computes again instead of holding it in memory: nothing, what is cheap, or whole blocks, which takes about a third longer',
  )
    .choices(choices)
    .default('cheap')
}
