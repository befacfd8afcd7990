/**
 * What an aggregate did to the agents' work.
 * @module
 */
import type { Matrix } from '../linear-algebra/matrix.js'
import { type Measured, type MeasuredModule, sumOf } from './measure.js'
import type { RuleReport } from './robust-aggregate.js'

/** Cosines of the agents' changes, over all pairs; null of one agent, of one that changed nothing, and of very many. */
export interface Agreement {
  readonly mean: number
  readonly least: number
}

/** One adapted module. Errors are relative to the exact aggregate's norm; null when that is zero. */
export interface ModuleReport {
  readonly module: string
  readonly rank: number // of what is released
  readonly norm: number // of the exact aggregate sum of share * DW, in the Frobenius norm
  readonly change: number // of the exact aggregate without the adapter that was started from
  readonly error: number | null // distance of what is released
  readonly averagedError: number | null // distance of what averaging A and B would have released
  /** The share of the squared singular values that was left out on purpose: by svd of the sum, by fedex of what averaging misses. */
  readonly dropped: number | null
  readonly agreement: Agreement | null
}

export interface ContributionReport {
  readonly id: string
  readonly share: number
  readonly change: number | null // the norm of what it changed, over all modules
  readonly cosine: number | null // of its change and the exact mean change
}

export interface AggregationReport {
  readonly strategy: string
  readonly exact: boolean // whether the method releases the exact aggregate, but for rounding
  readonly error: number | null // over all modules
  readonly averagedError: number | null
  readonly norm: number
  readonly change: number
  readonly agreement: Agreement | null
  readonly contributions: readonly ContributionReport[]
  readonly modules: readonly ModuleReport[]
  readonly notes: readonly string[] // what is inexact, and why
  /** What a robust rule decided; errors are then from the sum that it decided. Null without one. */
  readonly rule: RuleReport | null
}

export interface Facts {
  readonly strategy: string
  readonly exact: boolean
  readonly notes: readonly string[]
  readonly shares: readonly { readonly id: string; readonly share: number }[]
  readonly rule: RuleReport | null
}

export function reportOf(facts: Facts, modules: readonly MeasuredModule[]): AggregationReport {
  const { strategy, exact, notes, shares, rule } = facts
  const total = sumOf(modules.map(({ measured }) => measured))
  return {
    strategy,
    exact,
    error: total === null ? null : relative(total.error, total.exact),
    averagedError: total === null ? null : relative(total.averagedError, total.exact),
    norm: Math.sqrt(total?.exact ?? 0),
    change: Math.sqrt(total?.change ?? 0),
    agreement: total === null ? null : agreementOf(total.pairs),
    contributions: shares.map(({ id, share }, at) => ({ id, share, ...placeOf(total, shares, at) })),
    modules: modules.map(({ module, rank, measured, dropped }) => ({
      module,
      rank,
      norm: Math.sqrt(measured.exact),
      change: Math.sqrt(measured.change),
      error: relative(measured.error, measured.exact),
      averagedError: relative(measured.averagedError, measured.exact),
      dropped,
      agreement: agreementOf(measured.pairs),
    })),
    notes,
    rule,
  }
}

function relative(square: number, whole: number): number | null {
  return whole > 0 ? Math.sqrt(Math.max(0, square) / whole) : null
}

function agreementOf(pairs: Matrix | null): Agreement | null {
  if (pairs === null) return null
  const { rows: count, data } = pairs
  const norms = Array.from({ length: count }, (_, at) =>
    Math.sqrt(Math.max(0, data[at * count + at] as number)),
  )
  if (count < 2 || norms.some((norm) => norm === 0)) return null
  let [sum, least] = [0, 1]
  for (let one = 0; one < count; one++) {
    for (let other = 0; other < one; other++) {
      const cosine =
        (data[one * count + other] as number) / ((norms[one] as number) * (norms[other] as number))
      sum += cosine
      least = Math.min(least, cosine)
    }
  }
  return { mean: sum / ((count * (count - 1)) / 2), least }
}

function placeOf(
  total: Measured | null,
  shares: Facts['shares'],
  at: number,
): Pick<ContributionReport, 'change' | 'cosine'> {
  if (total === null) return { change: null, cosine: null }
  const ofMean = shares.reduce((sum, { share }, index) => sum + share * (total.along[index] as number), 0)
  const change = Math.sqrt(Math.max(0, total.own[at] as number))
  const both = change * Math.sqrt(Math.max(0, ofMean))
  return { change, cosine: both > 0 ? (total.along[at] as number) / both : null }
}
