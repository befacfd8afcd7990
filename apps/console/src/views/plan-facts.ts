import type { PlanView } from '@lorica/protocol'
import { bytes, count, counted, duration } from './format.js'

/** What a plan says, as facts to read before a run is started. */
export function planFacts(plan: PlanView): readonly { readonly name: string; readonly text: string }[] {
  const {
    spec,
    base,
    parameters,
    bytes: moved,
    tokensEachRound,
    memoryBytes,
    seconds,
    agents,
    opensAt,
  } = plan
  const invited = agents.filter(({ fate }) => fate === 'invited')
  const small = invited.filter(
    (one) => memoryBytes !== null && one.memoryBytes !== null && one.memoryBytes < memoryBytes,
  )
  return [
    { name: 'Agents', text: `${invited.length} of ${counted(agents.length, 'agent')} in the first round` },
    { name: 'Base', text: `${base.name}, ${bytes(base.sizeBytes)}, downloaded once by each agent` },
    { name: 'Trained', text: `${counted(parameters, 'parameter')}, rank ${spec.peft.rank}` },
    {
      name: 'Moved',
      text: `${bytes(moved.downEachRound)} down and ${bytes(moved.upEachRound)} up, each agent and round`,
    },
    { name: 'Read', text: `${counted(tokensEachRound, 'token')}, each agent and round` },
    {
      name: 'Time',
      text:
        seconds === null
          ? 'not known until each agent has trained on this base once'
          : `about ${duration(seconds.eachRound)} a round, ${duration(seconds.all)} in all`,
    },
    {
      name: 'Memory',
      text:
        memoryBytes === null
          ? 'not known for this model'
          : `at most ${bytes(memoryBytes)} for a step${small.length === 0 ? '' : `; less than that: ${small.map(({ name }) => name).join(', ')}`}`,
    },
    ...promised(plan),
    ...(opensAt === null ? [] : [{ name: 'Begins', text: opensAt }]),
  ]
}

function promised({ privacy }: PlanView) {
  if (!privacy) return []
  const { epsilon, delta, noiseNorm, clip, cohort } = privacy
  const drowns =
    noiseNorm > clip
      ? ' It is longer than any update: more sites, fewer trained parameters or a larger epsilon.'
      : ''
  return [
    { name: 'Promise', text: `(${upTo(epsilon)}, ${delta})-private for each site, over all rounds` },
    {
      name: 'Noise',
      text: `of norm ${noiseNorm.toPrecision(3)} on the mean of ${count(cohort)} updates of norm ${clip} or less.${drowns}`,
    },
  ]
}

/** An epsilon, rounded up: a promise is never told smaller than it is. */
export function upTo(epsilon: number): string {
  return String(Math.ceil(epsilon * 1000 - 1e-9) / 1000)
}

/** Agents that would have no seat, together by why. */
export function leftOut(
  agents: PlanView['agents'],
): readonly { readonly fate: string; readonly reason: string; readonly names: readonly string[] }[] {
  const groups = new Map<string, { fate: string; reason: string; names: string[] }>()
  for (const { fate, reason, name } of agents) {
    if (fate === 'invited') continue
    const key = `${fate} ${reason ?? ''}`
    const group = groups.get(key) ?? { fate, reason: reason ?? '', names: [] }
    group.names.push(name)
    groups.set(key, group)
  }
  return [...groups.values()].toSorted((a, b) => b.names.length - a.names.length)
}
