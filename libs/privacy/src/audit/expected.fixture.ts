import { readFileSync } from 'node:fs'

interface Expected {
  readonly exposure: {
    readonly others: readonly number[]
    readonly shape: number
    readonly location: number
    readonly scale: number
    readonly cases: readonly { readonly surprise: number; readonly bits: number }[]
  }
  readonly separation: {
    readonly members: readonly number[]
    readonly others: readonly number[]
    readonly auc: number
  }
  readonly scores: {
    readonly logProbabilities: readonly number[]
    readonly expected: readonly number[]
    readonly deviations: readonly number[]
    readonly minK: number
    readonly minKPlusPlus: number
    readonly loss: number
  }
  readonly chances: readonly {
    readonly canaries: number
    readonly guesses: number
    readonly correct: number
    readonly epsilon: number
    readonly delta: number
    readonly chance: number
  }[]
}

/** What audit.expected.py computed with numpy, scipy and mpmath. */
export const expected = JSON.parse(
  readFileSync(new URL('audit.expected.json', import.meta.url), 'utf8'),
) as Expected
