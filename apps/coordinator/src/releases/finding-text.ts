import type { GuardFinding, GuardMetric } from '@lorica/protocol'
import { RELATIVE } from './probed-metrics.js'

/** What a guard found, in words. */
export function findingText(finding: GuardFinding): string {
  const { metric, verdict, value, before, allowed, interval } = finding
  if (value === null || before === null || allowed === null)
    return isShare(metric)
      ? `no agent told its ${metric}`
      : `no agent compared its ${metric} with that of the adapter before`
  const of = `${metric}${where(finding)}`
  if (isShare(metric)) return shareText(finding, of, { value, allowed })
  const limit = RELATIVE.includes(metric) ? percent(allowed / before) : `${(100 * allowed).toFixed(1)} points`
  if (interval === null && verdict === 'inconclusive')
    return `too few ${counted(metric)} to tell whether the ${of} is worse by more than ${limit}`
  if (interval === null)
    return of === 'loss'
      ? `${judged(verdict)} by more than ${limit}`
      : `${of} ${shown(metric, value)}, before ${shown(metric, before)}${gpuText(finding)}: ${judged(verdict)} by more than ${limit}`
  const { low, high, confidence } = interval
  const range = `${of} worse by ${amount(metric, low)} to ${amount(metric, high)} with ${percent(confidence)} confidence over ${finding.examples} ${counted(metric)}`
  if (verdict === 'inconclusive') return `${range}, and ${limit} are allowed: too wide to tell`
  return verdict === 'fail'
    ? `${range}: worse, and not shown to be within the ${limit} that are allowed`
    : `${range}: within the ${limit} that are allowed`
}

function where({ agentId, group, of }: GuardFinding): string {
  if (group !== undefined) return ` of ${of} ${group === '' ? '(none)' : group}`
  return agentId === null ? '' : ` at ${agentId}`
}

/** A share that stands for itself: there is none before. */
function isShare(metric: GuardMetric): boolean {
  return ['contamination', 'leakage'].includes(metric)
}

function shareText(
  { metric, verdict, interval, examples }: GuardFinding,
  of: string,
  { value, allowed }: { readonly value: number; readonly allowed: number },
): string {
  const share = interval === null ? percent(value) : `${percent(interval.low)} to ${percent(interval.high)}`
  const texts = metric === 'contamination' ? `${examples} public texts` : `${examples} held-out examples`
  const found = `${of}: training data has a part of ${share} of ${texts}`
  if (verdict === 'inconclusive')
    return `${found}, and ${percent(allowed)} are allowed: agents do not tell which`
  return `${found}: ${verdict === 'fail' ? 'more than' : 'within'} the ${percent(allowed)} that are allowed`
}

/** How much of memory is that of GPUs, where there are any. */
function gpuText({ gpu }: GuardFinding): string {
  if (gpu === undefined) return ''
  if (gpu === null) return ' (that of GPUs is not known)'
  return ` (${plain('memory', gpu.value)} and ${plain('memory', gpu.before)} of it on GPUs, at ${gpu.agents} ${gpu.agents === 1 ? 'agent' : 'agents'})`
}

function judged(verdict: GuardFinding['verdict']): string {
  return verdict === 'fail' ? 'worse' : 'not worse'
}

function counted(metric: GuardMetric): string {
  if (['latency', 'first-token'].includes(metric)) return 'runs'
  return ['repetition', 'words', 'out-of-distribution'].includes(metric) ? 'texts' : 'examples'
}

const SHARES: readonly GuardMetric[] = ['accuracy', 'repetition', 'words']

function shown(metric: GuardMetric, value: number): string {
  return SHARES.includes(metric) ? percent(value) : plain(metric, value)
}

function amount(metric: GuardMetric, value: number): string {
  return SHARES.includes(metric) || metric === 'calibration'
    ? `${(100 * value).toFixed(2)} points`
    : plain(metric, value)
}

function plain(metric: GuardMetric, value: number): string {
  if (['latency', 'first-token'].includes(metric)) return `${value.toFixed(1)} ms`
  return metric === 'memory' ? `${(value / 2 ** 20).toFixed(0)} MiB` : value.toFixed(4)
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`
}
