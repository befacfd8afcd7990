import type {
  MetricView,
  RolloutAgentView,
  RolloutDetail,
  RolloutGroupView,
  RolloutLine,
} from '@lorica/protocol'

/** What changed in a rollout, one line of `rollout watch --json` each. */
export type RolloutNews = { readonly rollout: string } & (
  | ({ readonly type: 'step' } & RolloutLine)
  | ({ readonly type: 'group' } & RolloutGroupView)
  | ({ readonly type: 'metric' } & MetricView)
  | ({ readonly type: 'agent' } & RolloutAgentView)
)

/** What is new in a rollout since it was read before; of one that was not read before, its story. */
export function rolloutNews(before: RolloutDetail | undefined, now: RolloutDetail): readonly RolloutNews[] {
  const { rollout } = now
  const lastSeq = before?.history.at(-1)?.seq ?? 0
  const steps = now.history
    .filter(({ seq }) => seq > lastSeq)
    .map((line) => ({ type: 'step' as const, rollout, ...line }))
  if (before === undefined) return steps
  return [
    ...steps,
    ...changed(before.groups, now.groups, ({ group }) => String(group)).map((group) => ({
      ...{ type: 'group' as const, rollout },
      ...group,
    })),
    ...changed(before.metrics, now.metrics, ({ metric, of }) => `${metric} ${of}`).map((metric) => ({
      ...{ type: 'metric' as const, rollout },
      ...metric,
    })),
    ...changed(before.agents, now.agents, ({ agentId }) => agentId).map((agent) => ({
      ...{ type: 'agent' as const, rollout },
      ...agent,
    })),
  ]
}

/** The same for a person: the steps with their evidence, groups as they advance, verdicts as they turn, and agents that failed. */
export function rolloutNewsLines(
  news: readonly RolloutNews[],
  before: RolloutDetail | undefined,
): readonly string[] {
  return news.flatMap((one) => newsLines(one, before))
}

function newsLines(one: RolloutNews, before: RolloutDetail | undefined): readonly string[] {
  if (one.type === 'step') return [one.text, ...(one.evidence ?? []).map(({ text }) => `  ${text}`)]
  if (one.type === 'group') {
    const { group, name, agents, applied, failed, away } = one
    const troubles = `${failed === 0 ? '' : `, ${failed} failed`}${away === 0 ? '' : `, ${away} away`}`
    if (applied + failed + away === 0) return []
    return [`  group ${group} (${name}): ${applied}/${agents} have it${troubles}`]
  }
  if (one.type === 'agent')
    return one.outcome === 'failed' ? [`  ${one.name} failed: ${one.reason ?? 'it did not say why'}`] : []
  const last = before?.metrics.find(({ metric, of }) => metric === one.metric && of === one.of)
  return last?.verdict === one.verdict || one.difference === null ? [] : [`  ${one.text}`]
}

function changed<T>(before: readonly T[], now: readonly T[], keyOf: (one: T) => string): readonly T[] {
  const known = new Map(before.map((one) => [keyOf(one), JSON.stringify(one)]))
  return now.filter((one) => known.get(keyOf(one)) !== JSON.stringify(one))
}
