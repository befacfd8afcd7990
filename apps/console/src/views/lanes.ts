import type { RunEvent } from '@lorica/protocol'

/** What an agent does in the round that is open. */
export interface Lane {
  readonly agentId: string
  readonly name: string
  readonly phase:
    | 'invited'
    | 'download'
    | 'train'
    | 'upload'
    | 'evaluate'
    | 'accepted'
    | 'refused'
    | 'declined'
  readonly step: number
  readonly steps: number // 0: not known
  readonly loss: number | null
  readonly tokensPerSecond: number | null
  readonly sizeBytes: number | null // of the update that was accepted
  readonly note: string | null // why it stands still, or brought nothing
  readonly at: string
}

/** The round of a run that is worked on, as its events tell. */
export interface Lanes {
  readonly round: number // 0: none yet
  readonly attempt: number
  readonly stage: 'none' | 'before' | 'train' | 'aggregate' | 'evaluate' | 'done' | 'failed'
  readonly note: string | null // why it waits or failed
  readonly lanes: ReadonlyMap<string, Lane> // by the name of the agent
  readonly since: string | null // when the round was planned
}

export const noLanes: Lanes = {
  ...{ round: 0, attempt: 0, stage: 'none', note: null, lanes: new Map(), since: null },
}

/** The lanes after one more event. */
export function laneStep(state: Lanes, event: RunEvent): Lanes {
  switch (event.type) {
    case 'run-created':
      return { ...state, stage: 'before', since: event.at }
    case 'run-waiting':
      return { ...state, note: event.reason }
    case 'round-planned': {
      const { round, attempt, agents, at } = event
      const lanes = new Map(agents.map((name) => [name, invited(name, at)]))
      return { round, attempt, stage: 'train', note: null, lanes, since: at }
    }
    case 'progress': {
      const { agentId, name, phase, step, steps, loss, tokensPerSecond, waiting = null, at } = event
      const known = state.lanes.get(name)
      const isBefore = state.stage === 'none' || state.stage === 'before'
      if (!isBefore && (event.round !== state.round || known?.phase === 'refused')) return state
      const lane = { ...(known ?? invited(name, at)), agentId, phase, step, steps, note: waiting, at }
      return laid(state, {
        ...lane,
        loss: loss ?? lane.loss,
        tokensPerSecond: tokensPerSecond ?? lane.tokensPerSecond,
      })
    }
    case 'update-accepted': {
      const { agentId, name, sizeBytes, lossLast, at } = event
      const lane = state.lanes.get(name) ?? invited(name, at)
      const { steps } = lane
      return laid(state, {
        ...lane,
        ...{ agentId, phase: 'accepted', step: steps, sizeBytes, note: null, at },
        loss: lossLast ?? lane.loss,
      })
    }
    case 'update-refused':
    case 'agent-declined': {
      const { agentId, name, code, message, at } = event
      const phase = event.type === 'update-refused' ? 'refused' : 'declined'
      const lane = state.lanes.get(name) ?? invited(name, at)
      return laid(state, { ...lane, agentId, phase, note: `${code} ${message}`, at })
    }
    case 'round-aggregated':
      return { ...state, stage: 'evaluate' }
    case 'round-committed':
      return { ...state, round: event.record.round, stage: 'done', note: null }
    case 'round-failed':
      return { ...state, stage: 'failed', note: event.reason }
    case 'run-ended':
      return { ...state, stage: event.state === 'succeeded' ? 'done' : 'failed', note: event.reason }
    default:
      return state
  }
}

/** How far a lane is, from 0 to 1; null where it cannot be said. */
export function fractionOf({ phase, step, steps }: Lane): number | null {
  if (phase === 'accepted') return 1
  return steps > 0 ? Math.min(1, step / steps) : null
}

/** Those that hold up the round first: what is not in yet, by how little of it is done. */
export function laneRows({ lanes }: Lanes): readonly Lane[] {
  const order = {
    train: 0,
    upload: 1,
    download: 0,
    evaluate: 0,
    invited: 0,
    declined: 2,
    refused: 2,
    accepted: 3,
  }
  return [...lanes.values()].toSorted(
    (a, b) =>
      order[a.phase] - order[b.phase] ||
      (fractionOf(a) ?? 0) - (fractionOf(b) ?? 0) ||
      (a.name < b.name ? -1 : 1),
  )
}

function invited(name: string, at: string): Lane {
  const nothing = { loss: null, tokensPerSecond: null, sizeBytes: null, note: null }
  return { agentId: '', name, phase: 'invited', step: 0, steps: 0, ...nothing, at }
}

function laid(state: Lanes, lane: Lane): Lanes {
  return { ...state, lanes: new Map(state.lanes).set(lane.name, lane) }
}
