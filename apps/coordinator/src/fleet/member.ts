import { limits } from '@lorica/protocol'
import type { FleetEvent } from '../journal/event.js'
import type { Member } from './roster.js'

/** A member of the fleet after an event about it; undefined before it has joined. Labels that operators set outlive a new join. */
export function memberAfter(known: Member | undefined, event: FleetEvent, at: string): Member | undefined {
  if (event.type === 'agent-joined') {
    const { type: _, labels: ownLabels, ...joined } = event
    const setLabels = known?.setLabels ?? {}
    const labels = merged(ownLabels, setLabels)
    const isCordoned = known?.isCordoned ?? false
    return {
      ...joined,
      labels,
      ownLabels,
      setLabels,
      isCordoned,
      joinedAt: at,
      left: null,
      alarm: null,
      nextKey: null,
      rotations: known?.publicKey === joined.publicKey ? known.rotations : [],
    }
  }
  if (known === undefined) return undefined
  switch (event.type) {
    case 'agent-approved':
      return {
        ...known,
        isApproved: true,
        nextKey: known.nextKey === null ? null : { ...known.nextKey, isApproved: true },
      }
    case 'agent-key-offered': {
      const { publicKey, isApproved, proof } = event
      return { ...known, nextKey: { publicKey, isApproved, ...(proof === undefined ? {} : { proof }) } }
    }
    case 'agent-key-changed':
      return { ...known, publicKey: event.publicKey, nextKey: null, rotations: rotationsAfter(known) }
    case 'agent-left':
      return { ...known, left: event.how }
    case 'agent-cordoned':
      return { ...known, isCordoned: event.isCordoned }
    case 'agent-labelled': {
      const setLabels = { ...known.setLabels, ...event.labels }
      return { ...known, setLabels, labels: merged(known.ownLabels, setLabels) }
    }
    case 'alarm': {
      const { kind, detail, count } = event
      return { ...known, alarm: { at, kind, detail, count } }
    }
    default:
      return known
  }
}

function rotationsAfter({ publicKey, nextKey, rotations }: Member): Member['rotations'] {
  const { proof } = nextKey ?? {}
  return proof === undefined ? rotations : [...rotations, { publicKey, ...proof }].slice(-limits.keyRotations)
}

/** The member that an event of the fleet is about, if any. */
export function subjectOf(event: FleetEvent): string | undefined {
  if (event.type === 'alarm') return event.subject
  return 'agentId' in event ? event.agentId : undefined
}

/** Labels of the join with those that operators set in their place; null takes one away. */
function merged(own: Member['ownLabels'], set: Member['setLabels']): Readonly<Record<string, string>> {
  const all = Object.entries({ ...own, ...set })
  return Object.fromEntries(all.filter((pair): pair is [string, string] => pair[1] !== null))
}
