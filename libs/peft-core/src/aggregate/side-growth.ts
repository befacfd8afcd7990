/**
 * What rounds of `flora` and `fedex` leave beside the factors that agents train next: a frozen side that holds exactly what the
 * trained factors cannot, so that the base is never touched. It grows by the ranks of all contributions in a round of `flora`, by
 * those of all but one in a round of `fedex`, and is compressed when it would outgrow its bound: without loss where that is a side
 * of the module, to the nearest of a given rank otherwise.
 *
 * Papers: https://arxiv.org/abs/2409.05976 (FLoRA), https://arxiv.org/abs/2410.09432 (FedEx-LoRA)
 * @module
 */
import type { Adapter } from '../adapter/adapter.js'
import { initialTensors } from '../adapter/factors.js'
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import { matrixOf, tensorOf, transposed } from '../linear-algebra/matrix.js'
import { loraConfigOf } from './cohort.js'
import { compressed } from './compress.js'
import { innerProducts } from './measure.js'
import { type Factors, factorsIn, pairOf, stacked } from './module-factors.js'
import type { AggregationReport } from './report.js'
import { joinedAdapter, type SplitAdapter } from './side-adapter.js'
import { type ModuleSide, reportBeside } from './side-report.js'
import { startMember } from './start-member.js'
import type { Aggregate } from './strategy.js'

export interface Growing {
  readonly strategy: 'flora' | 'fedex'
  /** What the round started from. The aggregate is of the trained part alone. */
  readonly start: SplitAdapter
  /** The largest rank that the side of a module may have; it never needs more than the shorter side of the module. */
  readonly maxRank: number
  /** Of the factors that the next round starts from with `flora`: A anew, B zero. */
  readonly seed: number
}

export interface Grown {
  /** The trained factors of the next round, which lead, and the side, as one adapter. */
  readonly candidate: Adapter
  /** Of whole adapters: what the side adds to all of them is in their norms, and what was left out of it in the errors. */
  readonly report: AggregationReport
  readonly side: {
    readonly rank: number // the largest of a module
    readonly dropped: number // the share of the side's sum of squared singular values that was left out; 0: nothing
  }
}

/** Below this share, what was left out is rounding errors. */
const NOTHING = 1e-13

/** The candidate of a round of an aggregate of `flora`, or of `fedex` with the whole of its side adapter. */
export async function grownAdapter(
  { candidate, side: residual, report }: Aggregate,
  { strategy, start, maxRank, seed }: Growing,
): Promise<Grown> {
  const member = startMember(start.trained)
  const { pairs } = member
  const isFresh = strategy === 'flora'
  const trained = isFresh
    ? initialTensors([...pairs.values()], loraConfigOf(member, strategy), seed)
    : candidate.tensors
  const added = isFresh ? candidate : residual
  const measured = new Set(report.modules.map(({ module }) => module))
  const [tensors, ranks] = [new Map<string, Tensor>(), {} as Record<string, number>]
  const sides = new Map<string, ModuleSide>()
  let largest = 0
  for (const [path, { keyA, keyB, rank, scaling, inFeatures, outFeatures }] of pairs) {
    const terms = [
      ...storedFactors(start.side?.tensors, { keyA, keyB, scaling }),
      ...(added === null ? [] : await rescaled(added, path, scaling)),
    ]
    const { factors, energy, dropped } = bounded(terms, Math.min(maxRank, inFeatures, outFeatures))
    if (factors !== null) {
      ranks[path] = factors.a.rows
      tensors.set(keyA, tensorOf(factors.a))
      tensors.set(keyB, tensorOf(transposed(factors.b)))
    }
    const own = factors?.a.rows ?? 0
    largest = Math.max(largest, own)
    const square = measured.has(path)
      ? squareOf([...storedFactors(trained, { keyA, keyB, scaling }), ...terms])
      : 0
    sides.set(path, { rank: rank + own, energy, dropped, square })
  }
  const all = [...sides.values()]
  const [dropped, energy] = [sumOf(all.map((one) => one.dropped)), sumOf(all.map((one) => one.energy))]
  return {
    candidate: joinedAdapter({
      trained: { config: start.trained.config, tensors: trained },
      side: tensors.size === 0 ? null : { ranks, tensors },
    }),
    report: reportBeside(report, sides),
    side: { rank: largest, dropped: energy > 0 ? dropped / energy : 0 },
  }
}

/** One pair of factors that does what all of them do together, or nearly so where the bound is too low for that. */
function bounded(
  terms: readonly Factors[],
  bound: number,
): { readonly factors: Factors | null; readonly energy: number; readonly dropped: number } {
  const [first] = terms
  if (first === undefined) return { factors: null, energy: 0, dropped: 0 }
  const { scaling } = first
  if (terms.reduce((sum, { a }) => sum + a.rows, 0) > bound) {
    const shared = terms.map((term) => ({ ...term, share: 1 }))
    const { factors, energy, dropped } = compressed(shared, {
      ...{ target: { rank: bound, energy: 1 }, balance: 'even', scaling },
    })
    return { factors, energy, dropped: dropped > NOTHING * energy ? dropped : 0 }
  }
  const a = stacked(terms.map((term) => ({ matrix: term.a, factor: 1 })))
  const b = stacked(terms.map((term) => ({ matrix: term.b, factor: 1 })))
  return { factors: { scaling, a, b }, energy: 0, dropped: 0 }
}

/** The factors of a module of an aggregate, with another scaling. */
async function rescaled(adapter: Adapter, path: string, scaling: number): Promise<readonly Factors[]> {
  const member = startMember(adapter)
  if (!member.pairs.has(path)) return []
  const factor = pairOf(member, path).scaling / scaling
  return (await factorsIn(member, path)).map(({ a, b }) => ({
    ...{ scaling, b, a: { ...a, data: a.data.map((value) => value * factor) } },
  }))
}

function storedFactors(
  tensors: TensorMap | undefined,
  { keyA, keyB, scaling }: { readonly keyA: string; readonly keyB: string; readonly scaling: number },
): readonly Factors[] {
  const [a, b] = [tensors?.get(keyA), tensors?.get(keyB)]
  return a === undefined || b === undefined ? [] : [{ scaling, a: matrixOf(a), b: transposed(matrixOf(b)) }]
}

/** The square of the norm of what all of them do together. */
function squareOf(terms: readonly Factors[]): number {
  return Math.max(0, sumOf([...innerProducts(terms).data]))
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
