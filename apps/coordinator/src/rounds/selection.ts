/**
 * Who takes part in a round: those that the run's condition selects, in a fair order that the seed repeats.
 * @module
 */
import { createHash } from 'node:crypto'
import { parseSelection, type RunSpec, unmet } from '@lorica/protocol'
import { type Described, factsOf } from '../fleet/facts.js'
import { exampleDpIn } from '../runs/example-privacy.js'
import { trustedIn } from '../runs/rule.js'
import type { Run } from '../runs/run.js'
import { isPrivate } from '../runs/secure-terms.js'
import { hasPersonal, trainsPart } from '../runs/strategy.js'

/** An agent that could take part. */
export interface Candidate extends Described {
  readonly agentId: string
}

/** What a selection needs to know of a run. */
export type Selecting = Pick<Run, 'seed' | 'rounds' | 'excluded'> & {
  readonly spec: Pick<Run['spec'], 'rounds' | 'aggregate' | 'local' | 'peft' | 'privacy'>
}

export interface Suited<T> {
  readonly suited: readonly T[]
  readonly unsuited: readonly { readonly agent: T; readonly reason: string }[]
}

/** Divides agents by the condition `rounds.where` of a run and by what its strategy needs; each that is not selected has the reason. */
export function suitedAgents<T extends Candidate>(
  { spec }: Pick<Selecting, 'spec'>,
  agents: readonly T[],
): Suited<T> {
  const { where } = spec.rounds
  const condition = where === null ? undefined : parseSelection(where)
  const reasonOf = (agent: T): string | undefined => {
    const { protocol } = agent.hello ?? {}
    const newer = newerIn(spec, agent)
    if (newer !== undefined && protocol === 1) return `speaks protocol 1, and ${newer} needs 2`
    return condition && unmet(condition, factsOf(agent))
  }
  const judged = agents.map((agent) => ({ agent, reason: reasonOf(agent) }))
  return {
    suited: judged.flatMap(({ agent, reason }) => (reason === undefined ? [agent] : [])),
    unsuited: judged.flatMap(({ agent, reason }) => (reason === undefined ? [] : [{ agent, reason }])),
  }
}

/** The setting of a run that an agent of protocol 1 would not know. */
function newerIn(spec: Selecting['spec'], agent: Candidate): string | undefined {
  if (isPrivate(spec)) return 'aggregate.trust private'
  if (exampleDpIn(spec) !== undefined) return 'privacy.dp'
  if (trainsPart(spec)) return `aggregate.strategy ${spec.aggregate.strategy}`
  if (hasPersonal(spec))
    return spec.aggregate.personal === undefined
      ? `aggregate.strategy ${spec.aggregate.strategy}`
      : 'aggregate.personal'
  if (spec.privacy.dp?.unit === 'site' && spec.privacy.dp.noise === 'agent')
    return 'privacy.dp of noise agent'
  if (spec.peft.modulesToSave !== undefined) return 'peft.modulesToSave'
  if (spec.local.proximal) return `local.proximal ${spec.local.proximal}`
  if (spec.local.optimizer === 'sgd') return 'local.optimizer sgd'
  const rank = rankOf(spec, agent)
  return rank < spec.peft.rank ? `peft.ranks ${rank}` : undefined
}

/** The rank that an agent trains: of the first condition of the run that it meets, or that of the run. */
export function rankOf({ peft }: Pick<RunSpec, 'peft'>, agent: Described): number {
  const { rank, ranks = [] } = peft
  const facts = factsOf(agent)
  return ranks.find(({ where }) => unmet(parseSelection(where), facts) === undefined)?.rank ?? rank
}

/**
 * The agents of a round: as many as the goal and what is invited beyond it. Those that contributed to the fewest rounds of
 * the run come first, after the one that the run trusts; among equals the order is that of SHA-256 of seed, round and name, which nobody can steer. The result
 * keeps the order of `agents`.
 */
export function chooseAgents<T extends Candidate>(
  run: Selecting,
  round: number,
  agents: readonly T[],
): readonly T[] {
  const { goal, overSelect } = run.spec.rounds
  const trusted = trustedIn(run.spec)
  const willing = suitedAgents(run, agents).suited.filter(({ agentId }) => !run.excluded.includes(agentId))
  if (goal === null) return willing
  const seats = Math.ceil(goal * (1 + overSelect))
  if (willing.length <= seats) return willing
  const contributed = countContributions(run)
  const ranked = willing
    .map(({ agentId, name }) => ({
      ...{ agentId, rounds: name === trusted ? -1 : (contributed.get(agentId) ?? 0) },
      lot: createHash('sha256').update(`${run.seed}/${round}/${name}`, 'utf8').digest('hex'),
    }))
    .sort((a, b) => a.rounds - b.rounds || (a.lot < b.lot ? -1 : a.lot > b.lot ? 1 : 0))
  const chosen = new Set(ranked.slice(0, seats).map(({ agentId }) => agentId))
  return willing.filter(({ agentId }) => chosen.has(agentId))
}

function countContributions({ rounds }: Pick<Selecting, 'rounds'>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { agentId } of rounds.flatMap(({ contributions }) => contributions))
    counts.set(agentId, (counts.get(agentId) ?? 0) + 1)
  return counts
}
