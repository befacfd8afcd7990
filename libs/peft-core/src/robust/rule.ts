/**
 * The robust rules by name, as a run states them. Each is for updates that can be seen one by one, and counts every agent alike:
 * a liar would state whatever number of examples helps it. No rule makes a run immune; each says what it holds against.
 * @module
 */
import type { Matrix } from '../linear-algebra/matrix.js'
import { type CentredClippingOptions, centredClipping } from './centred-clipping.js'
import { coordinateMedian, nearMedianMean, trimmedMean } from './coordinates.js'
import type { AdapterParts, FactorReader } from './factor-reader.js'
import { geometricMedian } from './geometric-median.js'
import { gramMatrix, type ReadUpdate } from './gram.js'
import { bulyanSelection, krum, multiKrum } from './krum.js'
import { type NormBound, normBound } from './norm-bound.js'
import { type RuledValues, ruledValues } from './trained-factor.js'
import { trustedRoot } from './trusted-root.js'

/** Rules that weigh whole updates, whichever factors were trained. */
export type WholeRule =
  | ({ readonly rule: 'norm-bound' } & NormBound)
  | { readonly rule: 'krum'; readonly liars: number }
  | { readonly rule: 'multi-krum'; readonly liars: number; readonly kept?: number }
  | { readonly rule: 'geometric-median'; readonly liars?: number; readonly smoothing?: number }
  | ({ readonly rule: 'centred-clipping' } & CentredClippingOptions)
  | { readonly rule: 'trusted-root'; readonly root: number }

/** Rules that look at single values, so that one factor of each module must be frozen. */
export type ValueRule =
  | { readonly rule: 'median'; readonly liars: number }
  | { readonly rule: 'trimmed-mean'; readonly liars: number; readonly share: number }
  | { readonly rule: 'bulyan'; readonly liars: number }

export type RobustRule = WholeRule | ValueRule

export const wholeRules = [
  'norm-bound',
  'krum',
  'multi-krum',
  'geometric-median',
  'centred-clipping',
  'trusted-root',
] as const satisfies readonly WholeRule['rule'][]

export const valueRules = ['median', 'trimmed-mean', 'bulyan'] as const satisfies readonly ValueRule['rule'][]

/**
 * What a rule makes of updates with this Gram matrix: the change to apply is sum over k of weights[k] u_k. The weights need not
 * add up to 1; for a strategy that averages whole adapters, the adapter that all started from gets the rest, which may be
 * negative. RangeError says what the rule needs and what it got.
 */
export function robustWeights(gram: Matrix, rule: WholeRule): readonly number[] {
  switch (rule.rule) {
    case 'norm-bound':
      return normBound(gram, rule)
    case 'krum':
      return krum(gram, rule)
    case 'multi-krum':
      return multiKrum(gram, rule)
    case 'geometric-median':
      return geometricMedian(gram, rule)
    case 'centred-clipping':
      return centredClipping(gram, rule)
    case 'trusted-root':
      return trustedRoot(gram, rule)
  }
}

/**
 * The new values by a rule that looks at single values: of the trained factor of each module, and of all other tensors. RangeError as
 * `ruledValues`, and when the rule needs more updates.
 */
export async function* robustValues(
  read: {
    readonly start: FactorReader
    readonly updates: readonly ReadUpdate[]
    readonly parts: AdapterParts
  },
  rule: ValueRule,
): AsyncGenerator<RuledValues> {
  const { start, updates, parts } = read
  const count = updates.length
  switch (rule.rule) {
    case 'median':
      return yield* ruledValues(read, coordinateMedian(count, rule))
    case 'trimmed-mean':
      return yield* ruledValues(read, trimmedMean(count, rule))
    case 'bulyan': {
      const selected = bulyanSelection(await gramMatrix(start, updates, parts), rule)
      const kept = selected.map((index) => updates[index] as ReadUpdate)
      return yield* ruledValues({ ...read, updates: kept }, nearMedianMean(kept.length, rule))
    }
  }
}
