import type { GuardFinding } from '@lorica/protocol'

/** What a guard found, in words. */
export function findingText(finding: GuardFinding): string {
  const { metric, verdict, value, before, allowed, interval, agentId } = finding
  if (value === null || before === null || allowed === null)
    return `no agent compared its ${metric} with that of the adapter before`
  const of = agentId === null ? metric : `${metric} at ${agentId}`
  const limit = metric === 'loss' ? percent(allowed / before) : `${(100 * allowed).toFixed(1)} points`
  if (interval === null && verdict === 'inconclusive')
    return `too few examples to tell whether the ${of} is worse by more than ${limit}`
  if (interval === null)
    return metric === 'loss' && agentId === null
      ? `${judged(verdict)} by more than ${limit}`
      : `${of} ${shown(metric, value)}, before ${shown(metric, before)}: ${judged(verdict)} by more than ${limit}`
  const { low, high, confidence } = interval
  const where = `${of} worse by ${amount(metric, low)} to ${amount(metric, high)} with ${percent(confidence)} confidence over ${finding.examples} examples`
  if (verdict === 'inconclusive') return `${where}, and ${limit} are allowed: too wide to tell`
  return verdict === 'fail'
    ? `${where}: worse, and not shown to be within the ${limit} that are allowed`
    : `${where}: within the ${limit} that are allowed`
}

function judged(verdict: GuardFinding['verdict']): string {
  return verdict === 'fail' ? 'worse' : 'not worse'
}

function shown(metric: GuardFinding['metric'], value: number): string {
  return metric === 'accuracy' ? percent(value) : value.toFixed(4)
}

function amount(metric: GuardFinding['metric'], value: number): string {
  return metric === 'loss' ? value.toFixed(4) : `${(100 * value).toFixed(2)} points`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`
}
