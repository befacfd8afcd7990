/**
 * Which agents the groups of a rollout have: decided once, when it is created, so that nobody is moved by who comes and goes.
 * @module
 */
import { createHash } from 'node:crypto'
import { type Facts, LoricaError, parseSelection, type RolloutSpec, unmet } from '@lorica/protocol'
import type { PlannedGroup } from '../journal/rollout-event.js'

/** An agent as a group may choose it. */
export interface Choice {
  readonly agentId: string
  readonly facts: Facts
  readonly isConnected: boolean
}

export interface Grouping {
  readonly groups: readonly PlannedGroup[]
  readonly notes: readonly string[] // groups that were left out, and why
}

/**
 * The groups of a plan, each with the agents that it adds to those before it. Within a group connected agents come first, and then the order is drawn by
 * `draw`, so that it is not always the same ones. A share of few agents is at least one; a share that adds nobody is left out with a note. Throws LoricaError LRC-3020
 * for a fleet without agents, a condition that none meets, a number of agents that are not there, and a condition that adds none.
 */
export function groupsOf(
  plan: Pick<RolloutSpec, 'groups'>,
  agents: readonly Choice[],
  draw: string,
): Grouping {
  if (agents.length === 0) throw refused('the fleet has no agents', 'at least one agent', 'none')
  const drawn = agents.toSorted((a, b) => Number(b.isConnected) - Number(a.isConnected) || order(draw, a, b))
  const taken = new Set<string>()
  const groups: PlannedGroup[] = []
  const notes: string[] = []
  for (const [at, { size, where, name }] of plan.groups.entries()) {
    const shown = name ?? nameOf(size, where)
    const field = `groups.${at}`
    const condition = where === null ? undefined : parseSelection(where)
    const suited =
      condition === undefined ? drawn : drawn.filter(({ facts }) => unmet(condition, facts) === undefined)
    if (suited.length === 0)
      throw refused(
        `"${field}" has no agents: none meets ${where}`,
        'a condition that some agents meet',
        `0 of ${agents.length}`,
      )
    const wanted = 'count' in size ? size.count : Math.max(1, Math.ceil(size.share * suited.length - 1e-9))
    if (wanted > suited.length)
      throw refused(
        `"${field}": there are not ${wanted} agents for it`,
        `at most ${suited.length}`,
        String(wanted),
      )
    const before = suited.filter(({ agentId }) => taken.has(agentId)).length
    const added = suited.filter(({ agentId }) => !taken.has(agentId)).slice(0, Math.max(0, wanted - before))
    const isLast = at === plan.groups.length - 1
    if (added.length === 0 && !(isLast && groups.length === 0)) {
      if ('count' in size || where !== null)
        throw refused(
          `"${field}" has no agents: those that it selects are in the groups before it`,
          `more than ${before} agents`,
          shown,
        )
      notes.push(`${shown} adds nobody to the groups before it, and is left out`)
      continue
    }
    for (const { agentId } of added) taken.add(agentId)
    groups.push({ name: shown, agents: added.map(({ agentId }) => agentId) })
  }
  return { groups, notes }
}

function nameOf(size: RolloutSpec['groups'][number]['size'], where: string | null): string {
  const share = 'share' in size ? `${Number((size.share * 100).toFixed(4))}%` : String(size.count)
  return where === null ? share : `${share} where ${where}`
}

function order(draw: string, a: Choice, b: Choice): number {
  const [first, second] = [a, b].map(({ agentId }) =>
    createHash('sha256').update(`${draw} ${agentId}`).digest('hex'),
  ) as [string, string]
  return first < second ? -1 : 1
}

function refused(message: string, expected: string, received: string): LoricaError {
  return new LoricaError('LRC-3020', `rollout: ${message}`, { expected, received })
}
