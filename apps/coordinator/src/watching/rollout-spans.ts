import { contextFor, type Span, type SpanContext } from '@lorica/protocol'
import type { IssuedTarget, RolloutEvent } from '../journal/rollout-event.js'

/** Makes spans of rollouts: a rollout is a trace, its groups are its children, and what agents made of their target is below the group. */
export interface RolloutSpans {
  /** Hears of a line of the journal. */
  note(event: RolloutEvent, atMs: number): void
  /** What an agent works in that is told a target; undefined: it is of no rollout that began since the coordinator started. */
  contextFor(serial: number, agentId: string): SpanContext | undefined
}

export type AddSpan = (
  context: SpanContext,
  parent: SpanContext | undefined,
  span: Omit<Span, keyof SpanContext>,
) => void

interface OpenGroup {
  readonly group: number
  readonly startMs: number
  readonly agents: number
}

interface OpenRollout {
  readonly startMs: number
  readonly release: string
  readonly groups: readonly { readonly agents: readonly string[] }[]
  readonly open: OpenGroup | null
  readonly watchMs: number | null // when it was done, while it is still watched
}

interface Issued {
  readonly rolloutId: string
  readonly release: string
  readonly startMs: number
  readonly isBack: boolean // the target takes a release back
  readonly heard: Set<string> // agents that have reported it
}

const KNOWN = 1000 // targets whose reports are spans; the oldest give way

/** Spans of the rollouts of a fleet. */
export function createRolloutSpans(fleet: string, add: AddSpan): RolloutSpans {
  const rollouts = new Map<string, OpenRollout>()
  const issued = new Map<number, Issued>() // by serial

  const root = (rolloutId: string) => contextFor([fleet, rolloutId], ['rollout'])
  const groupIn = (rolloutId: string, group: number) =>
    contextFor([fleet, rolloutId], ['group', String(group)])
  const targetIn = (rolloutId: string, serial: number, agentId: string) =>
    contextFor([fleet, rolloutId], ['target', String(serial), agentId])

  function issue(rolloutId: string, target: IssuedTarget | null, startMs: number, isBack: boolean): void {
    if (target === null) return
    const { serial, release } = target
    issued.set(serial, { rolloutId, release, startMs, isBack, heard: new Set() })
    const [oldest] = issued.keys()
    if (issued.size > KNOWN && oldest !== undefined) issued.delete(oldest)
  }

  function endGroup(rolloutId: string, outcome: string, endMs: number): void {
    const rollout = rollouts.get(rolloutId)
    if (rollout?.open == null) return
    const { group, startMs, agents } = rollout.open
    rollouts.set(rolloutId, { ...rollout, open: null })
    add(groupIn(rolloutId, group), root(rolloutId), {
      ...{ name: 'group', startMs, endMs },
      attributes: {
        ...{ 'lorica.rollout': rolloutId, 'lorica.group': group, 'lorica.agents': agents },
        ...{ 'lorica.release': rollout.release, 'lorica.outcome': outcome },
      },
    })
  }

  /** The rollout itself has ended; `isWatched`: what it gave is still looked at. */
  function end(rolloutId: string, outcome: string, endMs: number, isWatched = false): void {
    const rollout = rollouts.get(rolloutId)
    if (rollout === undefined) return
    endGroup(rolloutId, outcome, endMs)
    const attributes = { 'lorica.rollout': rolloutId, 'lorica.release': rollout.release }
    const told = { ...attributes, 'lorica.outcome': outcome }
    if (rollout.watchMs === null)
      add(root(rolloutId), undefined, { name: 'rollout', startMs: rollout.startMs, endMs, attributes: told })
    else
      add(contextFor([fleet, rolloutId], ['watch']), root(rolloutId), {
        ...{ name: 'watch', startMs: rollout.watchMs, endMs, attributes: told },
      })
    if (isWatched) rollouts.set(rolloutId, { ...rollout, open: null, watchMs: endMs })
    else rollouts.delete(rolloutId)
  }

  /** Which group an agent is in, counted from 1; 0: in none. */
  function groupOf(rolloutId: string, agentId: string): number {
    return 1 + (rollouts.get(rolloutId)?.groups.findIndex(({ agents }) => agents.includes(agentId)) ?? -1)
  }

  return {
    note(event, atMs) {
      switch (event.type) {
        case 'rollout-created': {
          const { rolloutId, release, groups } = event
          rollouts.set(rolloutId, { startMs: atMs, release, groups, open: null, watchMs: null })
          break
        }
        case 'rollout-group-opened': {
          const { rolloutId, group, target } = event
          endGroup(rolloutId, 'passed', atMs)
          const rollout = rollouts.get(rolloutId)
          if (rollout === undefined) return // it began before the coordinator started
          const agents = rollout.groups[group - 1]?.agents.length ?? 0
          rollouts.set(rolloutId, { ...rollout, open: { group, startMs: atMs, agents } })
          issue(rolloutId, target, atMs, false)
          break
        }
        case 'rollout-renewed':
          return issue(event.rolloutId, event.target, atMs, false)
        case 'rollout-retried':
          endGroup(event.rolloutId, 'retried', atMs)
          return issue(event.rolloutId, event.target, atMs, true)
        case 'rollout-done':
          issue(event.rolloutId, event.target, atMs, false)
          return end(event.rolloutId, 'done', atMs, true)
        case 'rollout-aborted':
        case 'rollout-undone':
          issue(event.rolloutId, event.target, atMs, true)
          return end(event.rolloutId, event.type.slice('rollout-'.length), atMs)
        case 'rollout-watch-ended':
          return end(event.rolloutId, 'watched', atMs)
        case 'target-reported': {
          const { serial, agentId, outcome, downloadedBytes, reason } = event
          const known = issued.get(serial)
          if (known === undefined || known.heard.has(agentId)) return
          known.heard.add(agentId)
          const { rolloutId, release, startMs, isBack } = known
          const group = groupOf(rolloutId, agentId)
          const parent = group === 0 || isBack ? root(rolloutId) : groupIn(rolloutId, group)
          add(targetIn(rolloutId, serial, agentId), parent, {
            ...{ name: isBack ? 'target back' : 'target', startMs, endMs: atMs },
            attributes: {
              ...{ 'lorica.rollout': rolloutId, 'lorica.release': release, 'lorica.agent': agentId },
              ...{ 'lorica.outcome': outcome, 'lorica.bytes': downloadedBytes },
            },
            fault: outcome === 'failed' ? codeIn(reason) : undefined,
          })
        }
      }
    },
    contextFor(serial, agentId) {
      const rolloutId = issued.get(serial)?.rolloutId
      return rolloutId === undefined ? undefined : targetIn(rolloutId, serial, agentId)
    },
  }
}

/** The code that a reason begins with; the rest are words of the agent, which stay here. */
function codeIn(reason: string | null): string {
  return /^LRC-\d{4}/.exec(reason ?? '')?.[0] ?? 'failed'
}
