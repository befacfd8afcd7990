import type { GuardFinding } from '@lorica/protocol'
import { bytes, percent } from './format.js'

/** What is shown of a finding, of a round or of a release. */
export type ShownGuard = Omit<GuardFinding, 'metric' | 'agentId' | 'group'> & {
  readonly metric: string
  readonly agentId?: string | null
  readonly group?: string
}

const SHARES = ['accuracy', 'calibration', 'repetition', 'words', 'contamination', 'leakage']

/** A value of a metric in its unit. */
export function guardValue(metric: string, value: number | null): string {
  if (value === null) return '-'
  if (metric === 'memory') return value < 0 ? `-${bytes(-value)}` : bytes(value)
  if (['latency', 'first-token'].includes(metric)) return `${value.toPrecision(3)} ms`
  return SHARES.includes(metric) ? percent(value) : value.toFixed(4)
}
