import type { GuardFinding } from '@lorica/protocol'
import { table } from '../screen/format.js'

/** What the guards of a round found of its candidate: a line each. */
export function guardLines(guards: readonly GuardFinding[]): readonly string[] {
  if (guards.length === 0) return []
  const rows = guards.map((guard) => [
    `${guard.metric}${guard.of === 'each' ? ` of ${guard.agentId ?? 'each'}` : ''}`,
    number(guard.before),
    number(guard.value),
    number(guard.allowed),
    guard.interval === null
      ? '-'
      : `${number(guard.interval.low)} to ${number(guard.interval.high)} (${(100 * guard.interval.confidence).toFixed(1)} %)`,
    guard.mode === 'dry-run' ? `${guard.verdict}, dry run` : guard.verdict,
  ])
  return ['', ...table([['guard', 'before', 'now', 'allowed', 'worse by', 'verdict'], ...rows])]
}

const number = (value: number | null): string => value?.toFixed(4) ?? '-'
