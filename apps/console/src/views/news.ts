/** What answers of the coordinator are about. */
export type Subject = 'runs' | 'agents' | 'releases' | 'rollouts' | 'privacy'

const all: readonly Subject[] = ['runs', 'agents', 'releases', 'rollouts', 'privacy']

/** Told on their own page, and too often to ask anything again. */
const passing = ['progress', 'evaluation-received']

/** What may be different after an event of this type. */
export function subjectsOf(type: string): readonly Subject[] {
  if (passing.includes(type)) return []
  if (type === 'coordinator-started') return all
  if (type === 'agent-declined') return ['runs', 'agents']
  if (type === 'agent-connected' || type === 'agent-disconnected') return ['agents', 'rollouts']
  if (type.startsWith('agent-') || type === 'alarm') return ['agents']
  if (type === 'rollout-metrics') return ['rollouts']
  if (type === 'target-reported') return ['rollouts', 'agents']
  if (type.startsWith('rollout-') || type === 'champion-targeted') return ['rollouts', 'releases']
  if (type.startsWith('alias-') || type.startsWith('release-')) return ['releases']
  if (type === 'privacy-charged') return ['privacy']
  if (type === 'round-committed') return ['runs', 'agents', 'releases']
  return ['runs', 'agents'] // a run goes on, and with it what agents do
}

/** What the answer of a path is about, where events tell of it; undefined: it is only known by asking. */
export function subjectOf(path: string): Subject | undefined {
  return all.find(
    (subject) => path === `/${subject}` || path.startsWith(`/${subject}/`) || path.startsWith(`/${subject}?`),
  )
}
