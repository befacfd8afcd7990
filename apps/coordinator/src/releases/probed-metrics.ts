/**
 * What agents told of a candidate other than its predictions on held-out data: times, memory, rates of texts, and what training data has in
 * common with texts that it is not to have. Pure functions.
 * @module
 */
import { medianInterval, pairedInterval, type Sums } from '@lorica/evidence'
import type { GuardFinding, GuardMetric, Probed } from '@lorica/protocol'

/** How a candidate stands in a metric; more is worse. */
export interface Standing {
  readonly value: number
  readonly before: number
  readonly counted: number // runs, texts or examples
  readonly gpu?: GuardFinding['gpu'] // how much of memory is that of GPUs
  /** How much worse it is, in the unit of the metric. */
  readonly interval: { readonly low: number; readonly high: number; readonly confidence: number } | null
}

/** The standing in a metric over some agents, with an interval where a confidence is asked for; null: none of them told it. */
export function standingIn(
  metric: GuardMetric,
  told: readonly Probed[],
  confidence: number | undefined,
): Standing | null {
  switch (metric) {
    case 'latency':
      return ofTimes(
        runsOf(told).map(({ adapter, against }) => [adapter, against]),
        confidence,
      )
    case 'first-token':
      return ofTimes(
        runsOf(told).flatMap(({ adapterFirst, againstFirst }) =>
          adapterFirst === null || againstFirst === null ? [] : [[adapterFirst, againstFirst] as const],
        ),
        confidence,
      )
    case 'memory':
      return ofMemory(told.flatMap(({ cost }) => cost ?? []))
    case 'repetition':
      return ofTexts(
        told.flatMap(({ repetition }) => repetition ?? []),
        confidence,
      )
    case 'words':
      return ofTexts(
        told.flatMap(({ words }) => words ?? []),
        confidence,
        smoothed,
      )
    case 'out-of-distribution':
      return ofTexts(
        told.flatMap(({ reference }) => reference ?? []),
        confidence,
      )
    case 'contamination':
      return ofContamination(told.flatMap(({ overlap }) => overlap ?? []))
    case 'leakage':
      return ofLeakage(told.flatMap(({ overlap }) => overlap ?? []))
    default:
      return null
  }
}

/** Metrics whose `worseBy` is a share of what was before. */
export const RELATIVE: readonly GuardMetric[] = [
  'loss',
  'latency',
  'first-token',
  'memory',
  'out-of-distribution',
]

const runsOf = (told: readonly Probed[]) => told.flatMap(({ cost }) => cost?.runs ?? [])

/** By the median of the ratios of runs that followed one another: what disturbs a machine for a moment, or for both of a pair, decides nothing. */
function ofTimes(
  pairs: readonly (readonly [adapter: number, against: number])[],
  confidence: number | undefined,
): Standing | null {
  if (pairs.length === 0) return null
  const ratios = pairs.map(([adapter, against]) => Math.log(adapter / against))
  const before = medianInterval(
    pairs.map(([, against]) => against),
    0.5,
  ).median
  const { median, low, high } = medianInterval(ratios, confidence ?? 0.5)
  const worse = (logRatio: number): number => before * Math.expm1(logRatio)
  const isKnown = confidence !== undefined && Number.isFinite(low)
  return {
    ...{ value: before + worse(median), before, counted: pairs.length },
    interval: isKnown ? { low: worse(low), high: worse(high), confidence } : null,
  }
}

/** Memory of the process, and that which it has of GPUs where its agent knows both. */
function ofMemory(told: readonly Cost[]): Standing | null {
  if (told.length === 0) return null
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, one) => sum + one, 0) / values.length
  const sides = told.map(
    ({ adapterPeakBytes, againstPeakBytes, adapterGpuBytes: now, againstGpuBytes: then }) => ({
      ...{ value: adapterPeakBytes, before: againstPeakBytes },
      ...{ isOnGpu: now !== undefined, gpu: now == null || then == null ? null : { now, then } },
    }),
  )
  const known = sides.flatMap(({ gpu }) => gpu ?? [])
  const [now, then] = [mean(known.map((one) => one.now)), mean(known.map((one) => one.then))]
  const gpu = known.length === 0 ? null : { value: now, before: then, agents: known.length }
  return {
    value: mean(sides.map((side) => side.value + (side.gpu?.now ?? 0))),
    before: mean(sides.map((side) => side.before + (side.gpu?.then ?? 0))),
    ...{ counted: told.length, interval: null },
    ...(sides.some(({ isOnGpu }) => isOnGpu) ? { gpu } : {}),
  }
}

type Cost = NonNullable<Probed['cost']>

/** Agents look at the same texts: another one makes nothing surer, so the interval is that of one agent with their mean differences. */
function ofTexts(
  told: readonly NonNullable<Probed['reference']>[],
  confidence: number | undefined,
  adjusted: (sums: Sums) => Sums = (sums) => sums,
): Standing | null {
  if (told.length === 0) return null
  const mean = (of: (one: NonNullable<Probed['reference']>) => number): number =>
    told.reduce((sum, one) => sum + of(one), 0) / told.length
  const count = Math.min(...told.map(({ difference }) => difference.count))
  const sums: Sums = {
    count,
    sum: count * mean(({ difference }) => difference.sum / difference.count),
    sumOfSquares: count * mean(({ difference }) => difference.sumOfSquares / difference.count),
  }
  const interval =
    confidence === undefined || count < 2
      ? null
      : { ...pairedInterval([adjusted(sums)], confidence), confidence }
  return {
    value: mean(({ adapter, difference }) => adapter / difference.count),
    before: mean(({ against, difference }) => against / difference.count),
    counted: count,
    interval: interval && { low: interval.low, high: interval.high, confidence: interval.confidence },
  }
}

/**
 * Half a text more in each of the four cells of a table of yes and no under both adapters, so that a rare word that no text had is not taken for an
 * impossible one: Agresti and Min 2005, https://doi.org/10.1002/sim.1781.
 */
function smoothed({ count, sum, sumOfSquares }: Sums): Sums {
  return { count: count + 2, sum, sumOfSquares: sumOfSquares + 1 }
}

type Overlap = NonNullable<Probed['overlap']>

/** Agents tell how many texts they have a part of, not which: over several the share lies between the largest of theirs and their sum. */
function ofContamination(told: readonly Overlap[]): Standing | null {
  const items = Math.max(0, ...told.map((one) => one.items))
  if (items === 0) return null
  const low = Math.max(...told.map(({ found }) => found)) / items
  const high = Math.min(1, told.reduce((sum, { found }) => sum + found, 0) / items)
  return {
    ...{ value: low, before: 0, counted: items },
    interval: low === high ? null : { low, high, confidence: 1 },
  }
}

function ofLeakage(told: readonly Overlap[]): Standing | null {
  const heldOut = told.reduce((sum, one) => sum + one.heldOut, 0)
  if (heldOut === 0) return null
  const found = told.reduce((sum, { heldOutFound }) => sum + heldOutFound, 0)
  return { value: found / heldOut, before: 0, counted: heldOut, interval: null }
}
