/**
 * Runs, rounds and assignments as spans: what the journal says of them, for a collector of OpenTelemetry. Off unless the environment
 * names one.
 * @module
 */
import {
  type Assignment,
  contextFor,
  contextOf,
  createSpanExporter,
  type Release,
  SOFTWARE,
  type Span,
  type SpanContext,
  type SpanExporter,
  spanTargetIn,
  type TargetMessage,
  traceparentOf,
} from '@lorica/protocol'
import type { JournalEntry } from '../journal/chain.js'
import type { RunJournalEvent, Seat } from '../journal/event.js'
import type { RolloutEvent } from '../journal/rollout-event.js'
import type { Ledger } from '../ledger.js'
import type { Log } from '../log.js'
import { createRolloutSpans } from './rollout-spans.js'

/** Makes spans of what happens, and tells agents what theirs belong to. */
export interface Tracer {
  /** Hears of a line of the journal; `createdAt` is when its run began. */
  note(entry: JournalEntry, createdAt: string | undefined): void
  /** The context that an agent works in for an assignment. */
  traceparent(assignment: Pick<Assignment, 'assignmentId' | 'kind' | 'runId' | 'round'>): string
  /** The context that an agent works in for a target; undefined: the target is of no rollout that is known. */
  targetContext(target: Pick<TargetMessage, 'target'>, agentId: string): string | undefined
  /** The context that a release belongs to: the round that made it. */
  releaseContext(release: Pick<Release, 'manifest'>): string | undefined
  /**
   * A message came that bears a context; the returned function is called when it is answered, with the answer or the code of a refusal. What
   * `update.open` bears holds for the chunks that follow and for `update.close`, which bear none: together they are a span.
   */
  received(
    name: string,
    message: object,
    nowMs: number,
  ): (nowMs: number, fault?: string, reply?: object) => void
  close(): Promise<void>
}

/** A tracer of the fleet with this id, to where the environment says; undefined: it says nothing. */
export function tracerIn(
  environment: Readonly<Record<string, string | undefined>>,
  log: Log,
): ((fleet: string) => Tracer) | undefined {
  const target = spanTargetIn(environment)
  if (target === undefined) return undefined
  const name = environment.OTEL_SERVICE_NAME ?? 'lorica-coordinator'
  return (fleet) => {
    const service = { 'service.name': name, 'service.version': SOFTWARE, 'service.instance.id': fleet }
    return createTracer(
      fleet,
      createSpanExporter(target, service, fetch, (why) => log('spans-not-sent', { why })),
    )
  }
}

/** A ledger that tells a tracer of every line. */
export function traced(ledger: Ledger, tracer: Tracer | undefined): Ledger {
  if (tracer === undefined) return ledger
  return {
    ...ledger,
    record(event) {
      const entry = ledger.record(event)
      tracer.note(entry, 'runId' in event ? ledger.run(event.runId)?.createdAt : undefined)
      return entry
    },
  }
}

interface OpenRound {
  readonly round: number
  readonly attempt: number
  readonly startMs: number
}

interface OpenSeat extends OpenRound {
  readonly agentId: string
}

const KNOWN = 10_000 // assignments whose messages may bear a context; the oldest give way

/** Spans of the fleet with this id, which go to `exporter`. */
export function createTracer(fleet: string, exporter: SpanExporter): Tracer {
  const rounds = new Map<string, OpenRound>() // the latest of each run
  const seats = new Map<string, Map<string, OpenSeat>>() // run -> assignment
  const known = new Map<string, string>() // assignment, or serial of a target -> trace
  const uploads = new Map<string, OpenUpload>()

  const runContext = (runId: string) => contextFor([fleet, runId], ['run'])
  const roundContext = (runId: string, { round, attempt }: Omit<OpenRound, 'startMs'>) =>
    contextFor([fleet, runId], ['round', String(round), String(attempt)])
  const seatContext = (runId: string, assignmentId: string) =>
    contextFor([fleet, runId], ['assignment', assignmentId])

  function add(
    context: SpanContext,
    parent: SpanContext | undefined,
    span: Omit<Span, keyof SpanContext>,
  ): void {
    exporter.add({ ...context, parentSpanId: parent?.spanId, ...span })
  }

  const rollouts = createRolloutSpans(fleet, add)

  function remember<T>(map: Map<string, T>, key: string, value: T): void {
    map.set(key, value)
    const [oldest] = map.keys()
    if (map.size > KNOWN && oldest !== undefined) map.delete(oldest)
  }

  /** The span of an upload, from its opening to the answer to its close. */
  function closed({ uploadId = '' }: { readonly uploadId?: string }): ReturnType<Tracer['received']> {
    const upload = uploads.get(uploadId)
    if (upload === undefined) return () => {}
    return (endMs, fault) => {
      if (fault === undefined) uploads.delete(uploadId)
      const { spanId } = contextFor([upload.parent.traceId], ['upload', uploadId, String(endMs)])
      add({ traceId: upload.parent.traceId, spanId }, upload.parent, {
        ...{ name: 'received', startMs: upload.startMs, endMs, fault },
        attributes: { 'lorica.assignment': upload.assignmentId },
      })
    }
  }

  function open(runId: string, { assignmentId, agentId }: Seat, of: OpenRound): void {
    const list = seats.get(runId) ?? new Map<string, OpenSeat>()
    seats.set(runId, list)
    if (!list.has(assignmentId)) list.set(assignmentId, { ...of, agentId })
  }

  function endSeat(runId: string, assignmentId: string, outcome: Outcome, endMs: number): void {
    const seat = seats.get(runId)?.get(assignmentId)
    if (seat === undefined) return // it was asked before the coordinator started
    seats.get(runId)?.delete(assignmentId)
    const { startMs, agentId, round } = seat
    const { fault, ...told } = outcome
    add(seatContext(runId, assignmentId), roundContext(runId, seat), {
      ...{ name: 'assignment', startMs, endMs, fault },
      attributes: {
        ...{ 'lorica.run': runId, 'lorica.round': round, 'lorica.agent': agentId },
        ...{ 'lorica.assignment': assignmentId, ...told },
      },
    })
  }

  function endSeats(runId: string, endMs: number, goOn: readonly Seat[] = []): void {
    const kept = new Set(goOn.map(({ assignmentId }) => assignmentId))
    for (const assignmentId of [...(seats.get(runId)?.keys() ?? [])])
      if (!kept.has(assignmentId)) endSeat(runId, assignmentId, { 'lorica.outcome': 'absent' }, endMs)
  }

  function endRound(runId: string, round: number, endMs: number, outcome: Outcome, seconds?: number): void {
    const latest = rounds.get(runId)
    const isIt = latest?.round === round
    const startMs = isIt ? latest.startMs : endMs - 1000 * (seconds ?? 0)
    const attempt = isIt ? latest.attempt : 1
    const { fault, ...told } = outcome
    add(roundContext(runId, { round, attempt }), runContext(runId), {
      ...{ name: 'round', startMs, endMs, fault },
      attributes: { 'lorica.run': runId, 'lorica.round': round, 'lorica.attempt': attempt, ...told },
    })
  }

  function step(event: RunJournalEvent, nowMs: number, createdAt: string | undefined): void {
    const { runId } = event
    switch (event.type) {
      case 'round-planned': {
        const { round, attempt } = event
        const opened = { round, attempt, startMs: nowMs }
        endSeats(runId, nowMs, event.seats)
        rounds.set(runId, opened)
        for (const seat of event.seats) open(runId, seat, opened)
        break
      }
      case 'agent-invited': {
        const opened = rounds.get(runId) ?? { round: event.round, attempt: 1, startMs: nowMs }
        open(runId, event.seat, opened)
        break
      }
      case 'update-accepted': {
        const { assignmentId, sizeBytes } = event.contribution
        const outcome = { 'lorica.outcome': 'accepted', 'lorica.bytes': sizeBytes }
        endSeat(runId, assignmentId, outcome, nowMs)
        break
      }
      case 'update-refused':
      case 'agent-declined': {
        const outcome = event.type === 'agent-declined' ? 'declined' : 'refused'
        endSeat(runId, event.assignmentId, { 'lorica.outcome': outcome, fault: event.code }, nowMs)
        break
      }
      case 'round-committed': {
        const { verdict, seconds, contributions } = event.record
        const told = { 'lorica.outcome': verdict, 'lorica.contributions': contributions.length }
        endRound(runId, event.round, nowMs, told, seconds)
        break
      }
      case 'round-failed': {
        endSeats(runId, nowMs)
        endRound(runId, event.round, nowMs, { 'lorica.outcome': 'failed', fault: 'failed' })
        break
      }
      case 'run-ended': {
        endSeats(runId, nowMs)
        seats.delete(runId)
        rounds.delete(runId)
        const startMs = createdAt === undefined ? nowMs : Date.parse(createdAt)
        add(runContext(runId), undefined, {
          ...{ name: 'run', startMs, endMs: nowMs },
          attributes: { 'lorica.run': runId, 'lorica.outcome': event.state },
        })
      }
    }
  }

  return {
    note({ event, at }, createdAt) {
      if ('rolloutId' in event || event.type === 'target-reported')
        rollouts.note(event as RolloutEvent, Date.parse(at))
      if ('runId' in event) step(event as RunJournalEvent, Date.parse(at), createdAt)
    },
    traceparent({ assignmentId, kind, runId, round }) {
      const latest = rounds.get(runId)
      const parent = latest?.round === round ? roundContext(runId, latest) : runContext(runId)
      const context = kind === 'train' ? seatContext(runId, assignmentId) : parent
      remember(known, assignmentId, context.traceId)
      return traceparentOf(context)
    },
    targetContext({ target }, agentId) {
      const { serial } = JSON.parse(target) as { readonly serial: number }
      const context = rollouts.contextFor(serial, agentId)
      if (context === undefined) return undefined
      remember(known, `target ${serial}`, context.traceId)
      return traceparentOf(context)
    },
    releaseContext({ manifest }) {
      const { runId, round } = JSON.parse(manifest) as { readonly runId: string; readonly round: number }
      const latest = rounds.get(runId)
      return traceparentOf(latest?.round === round ? roundContext(runId, latest) : runContext(runId))
    },
    received(name, message, startMs) {
      if (name === 'update.close') return closed(message)
      const { assignmentId, serial, traceparent } = message as Bearing
      const key = assignmentId ?? `target ${serial}`
      const parent = traceparent === undefined ? undefined : contextOf(traceparent)
      // An agent may only add to the trace of what it was asked.
      if (parent === undefined || known.get(key) !== parent.traceId) return () => {}
      const { spanId } = contextFor([parent.traceId], [name, parent.spanId, String(startMs)])
      return (endMs, fault, reply = {}) => {
        const { uploadId } = reply as { readonly uploadId?: string }
        if (uploadId !== undefined && assignmentId !== undefined)
          remember(uploads, uploadId, { parent, startMs, assignmentId })
        add({ traceId: parent.traceId, spanId }, parent, {
          ...{ name, startMs, endMs, fault },
          attributes: assignmentId === undefined ? {} : { 'lorica.assignment': assignmentId },
        })
      }
    },
    close: () => exporter.close(),
  }
}

/** What a message may bear of those that bear a context. */
interface Bearing {
  readonly assignmentId?: string
  readonly serial?: number
  readonly traceparent?: string
}

interface OpenUpload {
  readonly parent: SpanContext
  readonly startMs: number
  readonly assignmentId: string
}

interface Outcome {
  readonly 'lorica.outcome': string
  readonly 'lorica.bytes'?: number
  readonly 'lorica.contributions'?: number
  readonly fault?: string
}
