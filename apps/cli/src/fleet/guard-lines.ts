import type { GuardFinding } from '@lorica/protocol'
import { bytes, table } from '../screen/format.js'

/** What is shown of a finding, of a round or of a release. */
type Shown = Omit<GuardFinding, 'agentId' | 'group' | 'metric'> & {
  readonly metric: string
  readonly agentId?: string | null
  readonly group?: string
}

/** What the guards of a round or a release found: a line each. */
export function guardLines(guards: readonly Shown[]): readonly string[] {
  if (guards.length === 0) return []
  const rows = guards.map((guard) => {
    const number = (value: number | null): string => guardNumber(guard.metric, value)
    const { interval } = guard
    return [
      `${guard.metric}${whose(guard)}`,
      number(guard.before),
      number(guard.value),
      number(guard.allowed),
      interval === null
        ? '-'
        : `${number(interval.low)} to ${number(interval.high)} (${(100 * interval.confidence).toFixed(1)} %)`,
      guard.mode === 'dry-run' ? `${guard.verdict}, dry run` : guard.verdict,
    ]
  })
  return ['', ...table([['guard', 'before', 'now', 'allowed', 'worse by', 'verdict'], ...rows])]
}

function whose({ of, agentId, group }: Shown): string {
  if (of === 'all') return ''
  return ` of ${agentId ?? (group === undefined ? of : `${of} ${group || '(none)'}`)}`
}

/** A value of a metric in its unit. */
export function guardNumber(metric: string, value: number | null): string {
  if (value === null) return '-'
  if (metric === 'memory') return value < 0 ? `-${bytes(-value)}` : bytes(value)
  return ['latency', 'first-token'].includes(metric) ? `${value.toFixed(1)} ms` : value.toFixed(4)
}
