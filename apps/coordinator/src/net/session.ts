import {
  fitReply,
  LoricaError,
  limits,
  type MessageName,
  parseAssignmentReply,
  parseBlobRead,
  parseDecline,
  parseEvaluation,
  parseHello,
  parseLeave,
  parseProgress,
  parseReleaseReply,
  parseRunEndedReply,
  parseServingHealth,
  parseSumConfirm,
  parseSumConfirmationsReply,
  parseSumDeliveryReply,
  parseSumInput,
  parseSumKeys,
  parseSumReveal,
  parseSumRosterReply,
  parseSumShares,
  parseSumSurvivorsReply,
  parseTargetReply,
  parseTargetReport,
  parseTrustReply,
  parseUpdateChunk,
  parseUpdateClose,
  parseUpdateOpen,
  refusalOf,
} from '@lorica/protocol'
import type { Clock } from '../clock.js'
import { reconnectMs } from '../fleet/reconnection.js'
import type { Member, Presence, Roster } from '../fleet/roster.js'
import type { Ledger } from '../ledger.js'
import type { Log } from '../log.js'
import type { FleetTrust } from '../releases/trust.js'
import type { Director } from '../rollouts/director.js'
import type { Conductor } from '../rounds/conductor.js'
import { confirmationIn, inputIn, keysIn, revealIn, sharesIn } from '../rounds/sum-hearing.js'
import type { Tracer } from '../watching/tracer.js'
import type { AgentSocket } from './agent-socket.js'
import type { Backpressure } from './backpressure.js'
import { evict } from './eviction.js'
import { presenceOf, type Readers } from './presence.js'
import type { Transfer } from './transfer.js'
import { isUnread } from './unread.js'
import { valveOf } from './valve.js'

/** What the messages of an agent act on. */
export interface SessionParts {
  readonly ledger: Ledger
  readonly roster: Roster
  readonly conductor: Conductor
  readonly director: Director
  readonly transfer: Transfer
  readonly trust: Pick<FleetTrust, 'letters'>
  readonly backpressure: Backpressure
  readonly log: Log
  readonly clock: Clock
  readonly coordinatorId: string
  readonly tracer?: Tracer | undefined
}

const MESSAGES_AT_ONCE = 64 // unanswered messages of one agent; its windows are far smaller
const HELLO_MS = 10_000 // from the connection to hello
const VIOLATIONS = 20 // malformed messages before the connection is closed

const readers: Readers = {
  assignment: parseAssignmentReply,
  release: parseReleaseReply,
  trust: parseTrustReply,
  runEnded: parseRunEndedReply,
  target: parseTargetReply,
  sum: (name, reply) => void sumReaders[name](reply),
}
const sumReaders = {
  'sum-roster': parseSumRosterReply,
  'sum-delivery': parseSumDeliveryReply,
  'sum-survivors': parseSumSurvivorsReply,
  'sum-confirmations': parseSumConfirmationsReply,
}

/** Attaches every message of the protocol to the socket of an agent: parsed at the door, answered always, hello first. */
export function serveSession(parts: SessionParts, socket: AgentSocket, member: Member): void {
  const { agentId } = member
  const { conductor, director, transfer, roster } = parts
  const intake = parts.backpressure.intake(valveOf(socket))
  let presence: Presence | undefined
  let unanswered = 0
  let violations = 0

  function violated(code: string): void {
    violations++
    if (violations <= VIOLATIONS) return
    parts.log('agent-dropped', { agent: agentId, code })
    void evict(socket, parts.clock)
  }

  /** Answers a message with what `act` gives, as far as the version of the agent knows it. */
  async function answer(
    name: MessageName,
    act: () => Promise<object> | object,
    reply: unknown,
  ): Promise<void> {
    if (typeof reply !== 'function') return violated('LRC-1006')
    if (unanswered >= MESSAGES_AT_ONCE || isUnread(socket)) {
      parts.log('agent-dropped', { agent: agentId, code: 'LRC-1003' })
      void evict(socket, parts.clock)
      return
    }
    unanswered++
    try {
      const fields = await act()
      reply({ ok: true, ...fitReply(name, fields, presence?.hello.protocol ?? 1) })
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal.code === 'LRC-1007') violated(refusal.code)
      if (refusal.code === 'LRC-9001') parts.log('fault', { stack: (error as Error).stack ?? String(error) })
      reply({ ok: false, refusal })
    } finally {
      unanswered--
    }
  }

  function introduced(): Presence {
    if (presence !== undefined) return presence
    throw new LoricaError('LRC-2010', 'say hello first', { expected: 'hello', received: 'another message' })
  }

  /** Acts on a message, within what its sender says that it belongs to. */
  async function spanned<T>(
    name: MessageName,
    message: T,
    act: (message: T) => Promise<object> | object,
  ): Promise<object> {
    const { tracer, clock } = parts
    if (tracer === undefined) return act(message)
    const end = tracer.received(name, message as object, clock.now())
    try {
      const reply = await act(message)
      end(clock.now(), undefined, reply)
      return reply
    } catch (error) {
      end(clock.now(), refusalOf(error).code)
      throw error
    }
  }

  /** Registers one message: parsed, then acted on once the agent has said hello. */
  function on<T>(
    name: MessageName,
    parse: (raw: unknown) => T,
    act: (message: T) => Promise<object> | object,
  ): void {
    socket.on(name, (raw: unknown, reply: unknown) => {
      const introducedFirst = () => {
        introduced()
        return spanned(name, parse(raw), act)
      }
      void answer(name, introducedFirst, reply)
    })
  }

  /** An agent hears first who may sign what it hears then. */
  function welcome(arrived: Presence): void {
    const { rootVersion } = arrived.hello
    for (const letter of rootVersion === undefined ? [] : parts.trust.letters(rootVersion))
      arrived.sendTrust(letter).catch((error: Error) => {
        parts.log('root-not-taken', { agent: agentId, code: refusalOf(error).code, why: error.message })
      })
    conductor.arrived(arrived)
    director.arrived(arrived)
  }

  const cancelHello = parts.clock.after(HELLO_MS, () => {
    if (presence !== undefined) return
    parts.log('agent-dropped', { agent: agentId, code: 'LRC-2010' })
    void evict(socket, parts.clock)
  })
  socket.on('hello', (raw: unknown, reply: unknown) => {
    const introduce = () => {
      const hello = parseHello(raw)
      cancelHello()
      presence = presenceOf(socket, member, hello, { ...readers, tracer: parts.tracer })
      roster.add(presence)
      parts.clock.after(0, () => presence !== undefined && welcome(presence)) // after the answer
      return {
        protocol: hello.protocol,
        coordinatorId: parts.coordinatorId,
        limits: { chunkBytes: limits.chunkBytes, windowChunks: limits.windowChunks },
        nowMs: parts.clock.now(),
        reconnectMs: reconnectMs(roster.all().length),
      }
    }
    void answer('hello', introduce, reply)
  })
  on('blob.read', parseBlobRead, (request) => transfer.read(agentId, request))
  on('update.open', parseUpdateOpen, (offer) => {
    intake.begin()
    return transfer.open(agentId, offer)
  })
  on('update.chunk', parseUpdateChunk, (chunk) =>
    intake.during(chunk.bytes, () => transfer.chunk(agentId, chunk)),
  )
  on('update.close', parseUpdateClose, (request) => {
    intake.end()
    return transfer.close(agentId, request)
  })
  on('progress', parseProgress, (progress) => {
    conductor.progressed(agentId, progress)
    return { reconnectMs: reconnectMs(roster.all().length) }
  })
  on('evaluation', parseEvaluation, (evaluation) => {
    if (!director.evaluated(agentId, evaluation)) conductor.evaluated(agentId, evaluation)
    return {}
  })
  on('decline', parseDecline, (decline) => {
    if (!director.declined(agentId, decline)) conductor.declined(agentId, decline)
    return {}
  })
  on('target.report', parseTargetReport, (report) => {
    director.reported(agentId, report)
    return {}
  })
  on('serving.health', parseServingHealth, (health) => {
    director.served(agentId, health)
    return {}
  })
  on('sum.keys', parseSumKeys, (message) => conductor.summed(agentId, keysIn(agentId, message)))
  on('sum.shares', parseSumShares, (message) => conductor.summed(agentId, sharesIn(agentId, message)))
  on('sum.input', parseSumInput, (message) => conductor.summed(agentId, inputIn(message)))
  on('sum.confirm', parseSumConfirm, (message) => conductor.summed(agentId, confirmationIn(agentId, message)))
  on('sum.reveal', parseSumReveal, (message) => conductor.summed(agentId, revealIn(agentId, message)))
  on('leave', parseLeave, async () => {
    parts.ledger.record({ type: 'agent-left', agentId, how: 'left' })
    await parts.ledger.flush()
    parts.clock.after(100, () => socket.disconnect(true)) // after the answer
    return {}
  })
  const known = new Set(socket.eventNames())
  socket.onAny((name: string, ...rest: unknown[]) => {
    if (known.has(name)) return
    const reply = rest.at(-1)
    const refuse = () => {
      violated('LRC-1011')
      throw new LoricaError('LRC-1011', `message "${name.slice(0, 40)}" is not known`)
    }
    void answer('leave', refuse, reply)
  })
  socket.on('disconnect', (reason) => {
    cancelHello()
    intake.end()
    if (presence === undefined || !roster.remove(presence)) return
    director.departed(agentId)
    conductor.departed(agentId, reason === 'ping timeout' ? 'silent' : 'closed')
    transfer
      .departed(agentId)
      .catch((error: Error) => parts.log('fault', { stack: error.stack ?? error.message }))
  })
}
