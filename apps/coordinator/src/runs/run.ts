import type { FileReference, RoundRecord, RunSpec, RunView } from '@lorica/protocol'
import type { JournalEntry } from '../journal/chain.js'
import type { Measured, PinnedBase, RoundEvent, RunJournalEvent, SeatMark } from '../journal/event.js'
import { openRound, type RoundState, type Seats, settle, stepRound, stepSeats, withMarks } from './round.js'

/** An attempt at a round that has ended. It never changes any more. */
export interface PastRound extends RoundState {
  readonly endedAt: string
  readonly outcome: 'committed' | 'failed'
  readonly reason: string
}

/** Everything that the journal says about one run. */
export interface Run {
  readonly runId: string
  readonly spec: RunSpec
  readonly seed: number
  readonly base: PinnedBase
  readonly firstFiles: readonly FileReference[] // of the adapter before any round, which changes nothing of the base
  readonly adapter: { readonly version: number; readonly files: readonly FileReference[] } // the next round starts from it
  readonly optimizerState: FileReference | null // what the optimiser of the coordinator remembers; it moves with `adapter`
  readonly clip: number | null // of the next update; it may adapt
  readonly release: string | null
  readonly baseline: Measured | null
  readonly parent: Measured | null // how well `adapter` does
  readonly rounds: readonly RoundRecord[] // committed
  readonly current: RoundState | null
  readonly carried: Seats // of rounds that ended, that go on in the next one
  readonly history: readonly PastRound[] // every attempt that ended, oldest first
  readonly attempts: number // of the round that is next or open
  readonly excluded: readonly string[] // agentIds that declined or were refused in failed attempts of that round
  readonly isPaused: boolean // by an operator: opens no new round
  readonly final: Measured | null
  readonly measurements: number // that were begun with losses unseen
  readonly summed: ReadonlyMap<string, Measured> // what these came to, by a hash of the adapter
  readonly ended: { readonly state: 'succeeded' | 'failed' | 'cancelled'; readonly reason: string } | null
  readonly createdAt: string
  readonly endedAt: string | null
}

/** A run as its first event describes it. */
export function createRun(event: Extract<RunJournalEvent, { type: 'run-created' }>, at: string): Run {
  const { runId, seed, base, files } = event
  const rounds = { ...event.spec.rounds, lateGraceMs: event.spec.rounds.lateGraceMs ?? 0 }
  const spec = { ...event.spec, rounds, schedule: event.spec.schedule ?? null } // journals before these were there
  const weights = event.spec.aggregate.weights ?? { by: 'tokens', atMost: null }
  return {
    runId,
    spec: { ...spec, update: spec.update ?? { encoding: 'f32' }, aggregate: { ...spec.aggregate, weights } }, // nor these
    seed,
    base,
    firstFiles: files,
    adapter: { version: 0, files },
    optimizerState: null,
    clip: event.spec.privacy?.clip ?? null,
    release: null,
    baseline: null,
    parent: null,
    rounds: [],
    current: null,
    carried: new Map(),
    history: [],
    attempts: 0,
    excluded: [],
    isPaused: false,
    final: null,
    measurements: 0,
    summed: new Map(),
    ended: null,
    createdAt: at,
    endedAt: null,
  }
}

/** What an event does to a run. */
export function stepRun(run: Run, { event, at }: Pick<JournalEntry, 'event' | 'at'>): Run {
  switch (event.type) {
    case 'baseline-evaluated':
      return { ...run, baseline: event.measured, parent: event.measured }
    case 'measurement-begun':
      return { ...run, measurements: event.attempt }
    case 'measurement-ended':
      return event.measured.loss === null
        ? run
        : { ...run, summed: new Map([...run.summed, [event.adapter, event.measured]]) }
    case 'round-planned':
      return {
        ...run,
        current: openRound(event, at, startOf(run)),
        carried: new Map(),
        attempts: event.attempt,
      }
    case 'update-accepted':
    case 'update-refused':
    case 'agent-declined':
    case 'seat-revoked': {
      const carried = stepSeats(run.carried, event, event.round)
      return carried === run.carried ? inRound(run, event, at) : { ...run, carried }
    }
    case 'agent-invited':
    case 'round-aggregated':
    case 'privacy-charged':
    case 'sum-step':
    case 'sum-finished':
    case 'candidate-held':
    case 'candidate-decided':
      return inRound(run, event, at)
    case 'round-closed': {
      const closed = inRound(run, event, at)
      return event.round < run.spec.rounds.count ? carryOn(closed) : closed
    }
    case 'round-committed':
      return committed(run, event, at)
    case 'round-failed':
      return failed(run, event, at)
    case 'final-evaluated':
      return { ...run, final: event.measured }
    case 'run-paused':
    case 'run-resumed':
      return { ...run, isPaused: event.type === 'run-paused' }
    case 'run-ended':
      return {
        ...run,
        current: null,
        carried: new Map(),
        ended: { state: event.state, reason: event.reason },
        endedAt: at,
      }
    default:
      return run
  }
}

function inRound(run: Run, event: RoundEvent, at: string): Run {
  return run.current === null ? run : { ...run, current: stepRound(run.current, event, at) }
}

/** In a run whose rounds take late updates, the seats that still train are kept for the next round. */
function carryOn(run: Run): Run {
  const { current, adapter } = run
  if (current === null || run.spec.rounds.mode !== 'buffered') return run
  const training = [...current.seats.values()].filter(({ status }) => status === 'training')
  if (training.length === 0) return run
  const started = { round: current.round, version: adapter.version, staleness: 0, files: current.start }
  const carried = training.map((seat) => {
    const { agentId, start = started } = seat
    return [agentId, settle({ ...seat, start }, { status: 'training' })] as const
  })
  const left = training.map((seat) => [seat.agentId, settle(seat, { status: 'carried' })] as const)
  return {
    ...run,
    carried: new Map([...run.carried, ...carried]),
    current: { ...current, seats: new Map([...current.seats, ...left]) },
  }
}

const startOf = ({ adapter, optimizerState, carried }: Run) => ({
  start: adapter.files,
  startState: optimizerState,
  carried,
})

/** The history of a run with its open round at the end. */
function withPast(
  { current, history }: Run,
  end: Pick<PastRound, 'outcome' | 'reason'> & { readonly marks?: readonly SeatMark[] | undefined },
  endedAt: string,
): Run['history'] {
  if (current === null) return history
  const { outcome, reason } = end
  return [...history, { ...current, marks: withMarks(current.marks, end.marks), endedAt, outcome, reason }]
}

function failed(run: Run, event: Extract<RunJournalEvent, { type: 'round-failed' }>, at: string): Run {
  const left = run.current?.isClosed === false ? carryOn(run) : run
  return {
    ...left,
    current: null,
    excluded: [...new Set([...run.excluded, ...unwilling(run.current)])],
    history: withPast(left, { outcome: 'failed', reason: event.reason, marks: event.marks }, at),
  }
}

function committed(run: Run, event: Extract<RunJournalEvent, { type: 'round-committed' }>, at: string): Run {
  const { record, files, version } = event
  const isReleased = record.verdict === 'released'
  const { loss, evaluation: perAgent } = record
  const tokens = perAgent.reduce((sum, agent) => sum + agent.tokens, 0)
  return {
    ...run,
    adapter: { version, files },
    optimizerState: isReleased ? (run.current?.state ?? null) : run.optimizerState,
    clip: run.current?.nextClip ?? run.clip,
    release: isReleased ? record.release : run.release,
    parent: isReleased ? { loss, tokens, perAgent, seconds: record.evaluateSeconds } : run.parent,
    rounds: [...run.rounds, record],
    current: null,
    history: withPast(run, { outcome: 'committed', reason: record.reason, marks: event.marks }, at),
    attempts: 0,
    excluded: [],
  }
}

function unwilling(round: RoundState | null): readonly string[] {
  const seats = round === null ? [] : [...round.seats.values()]
  return seats
    .filter(({ status }) => status === 'refused' || status === 'declined')
    .map(({ agentId }) => agentId)
}

/** The hash of adapter_model.safetensors in a PEFT folder. */
export function weightsSha256(files: readonly FileReference[]): string {
  const weights = files.find(({ path }) => path === 'adapter_model.safetensors')
  if (weights === undefined) throw new RangeError('files expected an adapter_model.safetensors')
  return weights.sha256
}

/** A run as operators see it. `waiting` says what an active run waits for. */
export function runView(
  run: Run,
  activity: { readonly isActive: boolean; readonly waiting: string | null },
): RunView {
  const going = activity.waiting === null ? 'running' : run.isPaused ? 'paused' : 'waiting'
  const state = run.ended?.state ?? (activity.isActive ? going : 'queued')
  const pausing =
    run.isPaused && run.current !== null ? `pauses when round ${run.current.round} has ended` : null
  const shown = (measured: Measured | null) =>
    measured === null ? null : { loss: measured.loss, tokens: measured.tokens, perAgent: measured.perAgent }
  return {
    run: run.runId,
    name: run.spec.name,
    state,
    reason: run.ended?.reason ?? activity.waiting ?? pausing,
    spec: run.spec,
    base: { sha256: run.base.sha256, name: run.base.name },
    release: run.release,
    adapterSha256: run.release === null ? null : weightsSha256(run.adapter.files),
    baseline: shown(run.baseline),
    final: shown(run.final),
    rounds: run.rounds,
    createdAt: run.createdAt,
    endedAt: run.endedAt,
  }
}
