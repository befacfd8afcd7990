import type { MetricView } from '@lorica/protocol'

/** Where the interval of a metric lies beside what is tolerated, as shares of the width of a drawing. */
export interface Band {
  readonly low: number
  readonly high: number
  readonly difference: number | null
  readonly zero: number
  readonly tolerated: number
}

const ROOM = 0.08 // of the width, on either side

/** The interval of a metric in a drawing that also holds zero and the bound; null while nothing is known. */
export function bandOf({
  low,
  high,
  difference,
  tolerated,
}: Pick<MetricView, 'low' | 'high' | 'difference' | 'tolerated'>): Band | null {
  if (low === null || high === null || tolerated === null) return null
  const reach = Math.max(4 * Math.abs(tolerated), 1e-12) // a wide interval may not squeeze the bound into a line
  const [least, most] = [Math.max(Math.min(low, 0), -reach), Math.min(Math.max(high, tolerated, 0), reach)]
  const at = (value: number) => {
    const share = (value - least) / (most - least)
    return Math.min(1, Math.max(0, ROOM + (1 - 2 * ROOM) * share))
  }
  return {
    low: low < least ? 0 : at(low),
    high: high > most ? 1 : at(high),
    difference: difference === null ? null : at(difference),
    zero: at(0),
    tolerated: at(tolerated),
  }
}

const names = { loss: 'Loss', failures: 'Failed requests', latency: 'Time a token' } as const

/** A metric by its name, and of whom it is. */
export function metricName({ metric, of }: Pick<MetricView, 'metric' | 'of'>): string {
  return `${names[metric]}, ${of}`
}
