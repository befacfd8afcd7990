import type { RolloutLine } from '@lorica/protocol'
import type { JournalEntry } from '../journal/chain.js'
import type { RolloutStep } from '../journal/rollout-event.js'

/** An event of a rollout as a line of its history. */
export function lineOf(event: RolloutStep, { seq, at }: Pick<JournalEntry, 'seq' | 'at'>): RolloutLine {
  const evidence = 'evidence' in event ? event.evidence : null
  return { seq, at, what: event.type.replace('rollout-', ''), text: textOf(event), evidence }
}

function textOf(event: RolloutStep): string {
  switch (event.type) {
    case 'rollout-created': {
      const { release, previous, groups, cause, isFirst = false } = event
      const agents = groups.reduce((sum, group) => sum + group.agents.length, 0)
      const by = cause.run === null ? 'an operator' : `run ${cause.run}`
      const from = isFirst ? `the base as it is (${previous})` : previous
      return `${from} -> ${release} for ${agents} agents in ${groups.length} groups, by ${by}`
    }
    case 'rollout-approved':
      return 'approved by an operator'
    case 'rollout-group-opened':
      return `group ${event.group} gets ${event.target.release} (target ${event.target.serial})`
    case 'rollout-admitted':
      return `${event.count} agents of the group are told by now`
    case 'rollout-webhook': {
      const { hook, outcome, code, reason, tries } = event
      const why = [code, reason].filter((one) => one !== null).join(' ')
      return `webhook ${hook}: ${outcome}${why === '' ? '' : `, ${why}`}${tries === 1 ? '' : ` (${tries} tries)`}`
    }
    case 'rollout-renewed':
      return `target ${event.target.serial} takes the place of an older one of ${event.target.release}`
    case 'rollout-measured':
      return `${event.pairs?.count ?? 0} rows measured`
    case 'rollout-soaking':
      return `group ${event.group} has it and soaks`
    case 'rollout-paused':
      return `paused by ${event.by}: ${event.reason}`
    case 'rollout-resumed':
      return 'resumed by an operator'
    case 'rollout-promoted':
      return event.isFull ? 'promoted to everybody by an operator' : 'promoted by an operator'
    case 'rollout-retried':
      return 'tried again, by an operator'
    case 'rollout-aborted':
      return `aborted by ${event.by}: ${event.reason}${backTo(event.target)}`
    case 'rollout-done':
      return `everybody has ${event.target.release}: it is the champion (target ${event.target.serial})`
    case 'rollout-undone':
      return `undone by ${event.by}: ${event.reason}${backTo(event.target)}`
    case 'rollout-watch-ended':
      return 'the watch is over, and nothing got worse'
  }
}

const backTo = (target: { readonly release: string; readonly serial: number } | null): string =>
  target === null ? '' : `; back to ${target.release} (target ${target.serial})`
