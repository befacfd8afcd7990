/**
 * What this agent does as spans, for a collector of OpenTelemetry that its owner names. Off unless the environment names one.
 * @module
 */
import { randomBytes } from 'node:crypto'
import {
  type Assignment,
  contextOf,
  createSpanExporter,
  type Release,
  SOFTWARE,
  type SpanContext,
  type SpanExporter,
  spanTargetIn,
  type TargetMessage,
  traceparentOf,
} from '@lorica/protocol'
import type { Link } from './net/link.js'
import type { AgentEvent, Tell } from './report.js'

/** Follows assignments by what the agent tells of itself. */
export interface AgentTrace {
  /** An assignment came; its span belongs to the one that the coordinator names, if it does. */
  given(assignment: Assignment): void
  readonly tell: Tell
  /** A target came, or a release; `serial` is that of the target. */
  targeted(message: Pick<TargetMessage, 'target' | 'traceparent'>): void
  released(release: Pick<Release, 'manifest' | 'traceparent'>): void
  /** The context of the work for an assignment, or for `target N`, for messages about it; undefined: none is under way, or nobody asked. */
  traceparent(about: string): string | undefined
  close(): Promise<void>
}

/** A trace to where the environment says; undefined: it says nothing. */
export function traceIn(
  environment: Readonly<Record<string, string | undefined>>,
  agentId: string,
  now: () => number,
): AgentTrace | undefined {
  const target = spanTargetIn(environment)
  if (target === undefined) return undefined
  const service = {
    ...{ 'service.name': environment.OTEL_SERVICE_NAME ?? 'lorica-agent', 'service.version': SOFTWARE },
    'service.instance.id': agentId,
  }
  return createTrace(createSpanExporter(target, service, fetch), now)
}

/** Messages that say what they belong to. */
const TRACED: ReadonlySet<string> = new Set([
  ...['update.open', 'evaluation', 'decline', 'target.report'],
  ...['sum.keys', 'sum.shares', 'sum.input', 'sum.confirm', 'sum.reveal'],
])

/**
 * A link whose messages about an assignment or a target bear the context of the work. Progress bears none, since spans tell the phases; nor do chunks and the
 * close of an upload, which belong to what opened it.
 */
export function tracedLink(link: Link, trace: AgentTrace | undefined): Link {
  if (trace === undefined) return link
  const request = ((name: string, message: Bearing, ...more: unknown[]) => {
    const traceparent = TRACED.has(name) ? trace.traceparent(keyOf(message)) : undefined
    const send = link.request as (name: string, message: object, ...more: unknown[]) => Promise<unknown>
    return send(name, traceparent === undefined ? message : { ...message, traceparent }, ...more)
  }) as Link['request']
  return { ...link, request }
}

interface Bearing {
  readonly assignmentId?: string
  readonly serial?: number
}

/** What a message is about: an assignment, or a target by its serial. */
const keyOf = ({ assignmentId, serial }: Bearing): string => assignmentId ?? `target ${serial}`

interface Open {
  readonly context: SpanContext
  readonly name: string
  readonly startMs: number
}

interface Work extends Open {
  readonly parent: SpanContext | undefined
  readonly attributes: Readonly<Record<string, string | number>>
  phase: Open | undefined
}

type About<Name extends AgentEvent['event']> = Extract<AgentEvent, { readonly event: Name }>

/** A trace whose spans go to `exporter`. Of progress it has the phases and their times: no loss, no rate. */
export function createTrace(exporter: SpanExporter, now: () => number): AgentTrace {
  const parents = new Map<string, SpanContext>() // of assignments that were given and not begun
  const under = new Map<string, Work>() // by assignment, `target N` or `release NAME`
  const followed = new Map<string, SpanContext>() // targets that are done, for their reports

  function begin({ assignmentId, kind, runId, round }: About<'assignment'>): void {
    const parent = parents.get(assignmentId)
    parents.delete(assignmentId)
    under.set(assignmentId, {
      ...{ context: childOf(parent), parent, name: `agent ${kind}`, startMs: now(), phase: undefined },
      attributes: { 'lorica.run': runId, 'lorica.round': round, 'lorica.assignment': assignmentId },
    })
  }

  /** Work that begins with the message that asks for it. */
  function start(
    key: string,
    name: string,
    traceparent: string | undefined,
    attributes: Work['attributes'],
  ): void {
    const parent = traceparent === undefined ? undefined : contextOf(traceparent)
    under.set(key, { context: childOf(parent), parent, name, startMs: now(), phase: undefined, attributes })
    trim(under)
  }

  function enter(work: Work, name: string | undefined): void {
    if (work.phase?.name === name) return
    const nowMs = now()
    if (work.phase !== undefined)
      exporter.add({
        ...{ ...work.phase.context, parentSpanId: work.context.spanId, name: work.phase.name },
        ...{ startMs: work.phase.startMs, endMs: nowMs, attributes: work.attributes },
      })
    work.phase = name === undefined ? undefined : { context: childOf(work.context), name, startMs: nowMs }
  }

  function end(assignmentId: string, outcome: string, fault?: string): void {
    const work = under.get(assignmentId)
    if (work === undefined) return
    enter(work, undefined)
    under.delete(assignmentId)
    exporter.add({
      ...{ ...work.context, parentSpanId: work.parent?.spanId, name: work.name, startMs: work.startMs },
      ...{ endMs: now(), attributes: { ...work.attributes, 'lorica.outcome': outcome }, fault },
    })
  }

  return {
    given({ assignmentId, traceparent }) {
      if (traceparent !== undefined) parents.set(assignmentId, contextOf(traceparent))
    },
    tell(event) {
      switch (event.event) {
        case 'assignment':
          return begin(event)
        case 'progress': {
          const work = under.get(event.assignmentId)
          return work && enter(work, event.phase)
        }
        case 'receipt':
        case 'evaluated':
        case 'summed':
          return end(event.assignmentId, event.event)
        case 'declined':
        case 'abandoned':
          return end(event.assignmentId, event.event, event.code)
        case 'refused':
          return event.assignmentId === undefined ? undefined : end(event.assignmentId, 'refused', event.code)
        case 'target-applied':
        case 'target-failed': {
          const key = `target ${event.serial}`
          const context = under.get(key)?.context
          if (context !== undefined) followed.set(key, context)
          trim(followed)
          const isFailed = event.event === 'target-failed'
          return end(key, isFailed ? 'failed' : 'applied', isFailed ? event.code : undefined)
        }
        case 'release-verified':
          return end(`release ${event.name}`, 'verified')
        case 'stopped': {
          for (const assignmentId of [...under.keys()]) end(assignmentId, 'stopped')
        }
      }
    },
    targeted({ target, traceparent }) {
      const serial = fieldOf(target, 'serial')
      if (typeof serial === 'number') start(`target ${serial}`, 'agent target', traceparent, {})
    },
    released({ manifest, traceparent }) {
      const name = fieldOf(manifest, 'name')
      if (typeof name === 'string') start(`release ${name}`, 'agent release', traceparent, {})
    },
    traceparent(about) {
      const context = under.get(about)?.context ?? followed.get(about)
      return context && traceparentOf(context)
    },
    close: () => exporter.close(),
  }
}

const KEPT = 100 // of what was asked and may never end

function trim(map: Map<string, unknown>): void {
  const [oldest] = map.keys()
  if (map.size > KEPT && oldest !== undefined) map.delete(oldest)
}

/** A field of a text that is not verified yet. */
function fieldOf(text: string, name: string): unknown {
  try {
    return (JSON.parse(text) as Readonly<Record<string, unknown>>)[name]
  } catch {
    return undefined
  }
}

/** A new span, in the trace of its parent or in one of its own. */
function childOf(parent: SpanContext | undefined): SpanContext {
  const traceId = parent?.traceId ?? randomBytes(16).toString('hex')
  return { traceId, spanId: randomBytes(8).toString('hex') }
}
