import { isErrorCode } from '@lorica/protocol'
import type { JournalEvent } from '../journal/event.js'

/** What a journal adds up to in numbers. Names in it are of fixed lists: codes, kinds and outcomes. */
export interface Tally {
  readonly rounds: Readonly<Record<'released' | 'rejected' | 'failed', number>>
  readonly updates: Readonly<Record<'accepted' | 'refused' | 'declined' | 'revoked', number>>
  readonly refusals: ReadonlyMap<string, number> // by code
  readonly alarms: ReadonlyMap<string, number> // by kind
  readonly targets: Readonly<Record<'applied' | 'failed', number>> // reports of agents on what they are to serve
  readonly bytesUp: number // of committed rounds
  readonly bytesDown: number
  readonly roundSeconds: number // of committed rounds, all together
  readonly trainSeconds: number // of the slowest agent of each
  readonly joules: Readonly<Record<'measured' | 'estimated', number>> // of the training of committed rounds
}

/** Of an empty journal. */
export const noTally: Tally = {
  rounds: { released: 0, rejected: 0, failed: 0 },
  updates: { accepted: 0, refused: 0, declined: 0, revoked: 0 },
  refusals: new Map(),
  alarms: new Map(),
  targets: { applied: 0, failed: 0 },
  ...{ bytesUp: 0, bytesDown: 0, roundSeconds: 0, trainSeconds: 0, joules: { measured: 0, estimated: 0 } },
}

/** The numbers after one more event. */
export function tallyAfter(tally: Tally, event: JournalEvent): Tally {
  const { rounds, updates } = tally
  switch (event.type) {
    case 'round-committed': {
      const { verdict, bytesUp, bytesDown, seconds, trainSeconds, energy } = event.record
      const { joules = 0, estimatedShare = 0 } = energy ?? {}
      return {
        ...tally,
        rounds: { ...rounds, [verdict]: rounds[verdict] + 1 },
        bytesUp: tally.bytesUp + bytesUp,
        bytesDown: tally.bytesDown + bytesDown,
        roundSeconds: tally.roundSeconds + seconds,
        trainSeconds: tally.trainSeconds + trainSeconds,
        joules: {
          measured: tally.joules.measured + joules * (1 - estimatedShare),
          estimated: tally.joules.estimated + joules * estimatedShare,
        },
      }
    }
    case 'round-failed':
      return { ...tally, rounds: { ...rounds, failed: rounds.failed + 1 } }
    case 'update-accepted':
      return { ...tally, updates: { ...updates, accepted: updates.accepted + 1 } }
    case 'update-refused':
      return refusedAfter({ ...tally, updates: { ...updates, refused: updates.refused + 1 } }, event.code)
    case 'agent-declined':
      return refusedAfter({ ...tally, updates: { ...updates, declined: updates.declined + 1 } }, event.code)
    case 'seat-revoked':
      return refusedAfter({ ...tally, updates: { ...updates, revoked: updates.revoked + 1 } }, event.code)
    case 'target-reported':
      return { ...tally, targets: { ...tally.targets, [event.outcome]: tally.targets[event.outcome] + 1 } }
    case 'alarm':
      return { ...tally, alarms: oneMore(tally.alarms, event.kind, event.count) }
    default:
      return tally
  }
}

// Agents choose the codes of their refusals: one that is not ours would make a new name of it.
function refusedAfter(tally: Tally, code: string): Tally {
  return { ...tally, refusals: oneMore(tally.refusals, isErrorCode(code) ? code : 'other', 1) }
}

function oneMore(counts: ReadonlyMap<string, number>, name: string, count: number): Map<string, number> {
  return new Map(counts).set(name, (counts.get(name) ?? 0) + count)
}
