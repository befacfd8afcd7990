/**
 * The link of an agent to its coordinator. This file, with the transport beside it, is all that opens a connection.
 * @module
 */
import {
  type AgentEvents,
  type Assignment,
  type CoordinatorEvents,
  fitMessage,
  type HelloReply,
  LoricaError,
  limits,
  PROTOCOL_VERSION,
  parseAssignment,
  parseBlobReadReply,
  parseDeclineReply,
  parseEvaluationReply,
  parseHelloReply,
  parseLeaveReply,
  parseProgressReply,
  parseRelease,
  parseRunEnded,
  parseServingHealthReply,
  parseSumConfirmations,
  parseSumConfirmReply,
  parseSumDelivery,
  parseSumInputReply,
  parseSumKeysReply,
  parseSumRevealReply,
  parseSumRoster,
  parseSumSharesReply,
  parseSumSurvivors,
  parseTarget,
  parseTargetReportReply,
  parseTrust,
  parseUpdateChunkReply,
  parseUpdateCloseReply,
  parseUpdateOpenReply,
  type Release,
  type RunEnded,
  refusalOf,
  type TargetMessage,
  type TrustLetter,
} from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Random } from '../random.js'
import type { SumLetters } from '../summing/sum-mail.js'
import { type Introduction, introduce } from './introduction.js'
import { createPauses } from './pauses.js'
import { type Proof, REFUSED } from './proven-socket.js'
import type { OpenSocket } from './socket.js'

const replies = {
  hello: parseHelloReply,
  'blob.read': parseBlobReadReply,
  progress: parseProgressReply,
  'update.open': parseUpdateOpenReply,
  'update.chunk': parseUpdateChunkReply,
  'update.close': parseUpdateCloseReply,
  evaluation: parseEvaluationReply,
  decline: parseDeclineReply,
  'sum.keys': parseSumKeysReply,
  'sum.shares': parseSumSharesReply,
  'sum.confirm': parseSumConfirmReply,
  'sum.input': parseSumInputReply,
  'sum.reveal': parseSumRevealReply,
  'target.report': parseTargetReportReply,
  'serving.health': parseServingHealthReply,
  leave: parseLeaveReply,
} as const

/** Sends a message and returns its reply. Throws the refusal of the coordinator, or LRC-1009 when the link is lost. */
export type Request = <E extends keyof AgentEvents>(
  event: E,
  message: Parameters<AgentEvents[E]>[0],
) => Promise<ReturnType<(typeof replies)[E]>>

export interface LinkEvents {
  assignment(assignment: Assignment): void
  release(release: Release): void
  /** The coordinator says which release this agent is to have. */
  target(message: TargetMessage): void
  /** Which roots there are: it comes before any release that they are needed for. */
  trust(letter: TrustLetter): void
  runEnded(ended: RunEnded): void
  /** The coordinator tells what is needed for a step of a secure sum. */
  summed<N extends keyof SumLetters>(name: N, letter: SumLetters[N]): void
  connected(reply: HelloReply): void
  disconnected(reason: string): void
  /** The coordinator will not have this agent: the link does not try again. */
  refused(refusal: LoricaError): void
}

export interface LinkOptions {
  readonly url: string
  /** Fingerprint of the coordinator's key. */
  readonly pin: string
  readonly clock: Clock
  readonly random: Random
  readonly openSocket: OpenSocket
  readonly proof: Proof
  readonly hello: () => Promise<Introduction> | Introduction
  /** Hears a refusal first, and says whether there is another key to try. */
  readonly isKeyRefused?: (refusal: LoricaError) => boolean
  readonly on: LinkEvents
}

export interface Link {
  readonly request: Request
  /** The coordinator's answer to `hello`; waits for a connection when there is none. Rejects when `signal` aborts. */
  ready(signal?: AbortSignal): Promise<HelloReply>
  close(): void
}

/** A coordinator that stops dismisses its agents; they come back when it is gone. One that dismisses twice means it. */
const DISMISSED_MS = 500

/** A connection that lasted was not one of two that replace each other. */
const LASTING_MS = 60_000

/** Refusals that a second attempt cannot change. */
const FINAL = ['LRC-1008', 'LRC-2004', 'LRC-2006', 'LRC-2009', 'LRC-2011']

/** Refusals that may pass, and that its owner hears of meanwhile. */
const TOLD = ['LRC-2008', 'LRC-2013', 'LRC-2017', 'LRC-2018']

/** Connects, introduces the agent, and connects again, with growing and jittered pauses, until it is closed. */
export function openLink({
  url,
  pin,
  clock,
  random,
  openSocket,
  proof,
  hello,
  isKeyRefused,
  on,
}: LinkOptions): Link {
  const waiting = new Set<(reply: HelloReply) => void>()
  let introduced: HelloReply | undefined
  const pauses = createPauses(random)
  let dismissals = 0
  let connectedMs = Number.POSITIVE_INFINITY
  let isAway = false // and that was told
  let isOver = false
  let cancelComeBack = () => {}

  const pace = (reconnectMs: number | undefined): void => {
    if (reconnectMs !== undefined) pauses.paceTo(reconnectMs)
  }
  const comeBack = (leastMs = 0): void => {
    if (isOver) return
    cancelComeBack()
    cancelComeBack = clock.after(Math.max(leastMs, pauses.nextMs()), () => socket.connect())
  }
  const end = (): void => {
    isOver = true
    cancelComeBack()
    socket.disconnect()
  }
  const refuse = (refusal: LoricaError): void => {
    if (isKeyRefused?.(refusal)) return
    if (TOLD.includes(refusal.code) && !isAway) {
      isAway = true
      on.disconnected(`${refusal.code}: ${refusal.message}`)
    }
    if (!FINAL.includes(refusal.code)) return
    end()
    on.refused(refusal)
  }
  const socket = openSocket({ url, pin, proof, onRefused: refuse })
  const request: Request = async (event, message) => {
    if (!socket.connected) throw linkLost('there is no connection')
    let raw: unknown
    try {
      const version = event === 'hello' ? PROTOCOL_VERSION : (introduced?.protocol ?? 1)
      const fitting = fitMessage(event, message, version)
      raw = await socket.timeout(limits.ackTimeoutMs).emitWithAck(event, fitting)
    } catch (cause) {
      throw linkLost((cause as Error).message)
    }
    const reply = replies[event](raw) as ReturnType<(typeof replies)[typeof event]>
    if (event === 'progress') pace((reply as ReturnType<typeof parseProgressReply>).reconnectMs)
    return reply
  }

  socket.on('connect', async () => {
    const { id } = socket
    try {
      const reply = await introduce(await hello(), (message) => request('hello', message))
      if (socket.id !== id) return // the connection ended together with the answer
      introduced = reply
      pauses.reset()
      pace(reply.reconnectMs)
      isAway = false
      connectedMs = clock.monotonicMs()
      on.connected(reply)
      for (const tell of waiting) tell(reply)
      waiting.clear()
    } catch (error) {
      if (isLinkLost(error)) return
      refuse(error as LoricaError)
    }
  })
  socket.on('disconnect', (reason) => {
    introduced = undefined
    isAway = true
    on.disconnected(reason)
    if (reason !== 'io server disconnect') return comeBack()
    if (clock.monotonicMs() - connectedMs > LASTING_MS) dismissals = 0
    dismissals++
    if (dismissals > 1) return refuse(replaced())
    comeBack(DISMISSED_MS)
  })
  socket.on('connect_error', ({ message }) => {
    comeBack()
    dismissals = 0 // it was away, so it did not mean this agent
    if (isAway || message === REFUSED) return
    isAway = true
    on.disconnected(`no coordinator answers at ${url}`)
  })
  const answer = <E extends keyof CoordinatorEvents, M>(
    event: E,
    parse: (raw: unknown) => M,
    take: (m: M) => void,
  ) => {
    socket.on(event as string, (raw: unknown, reply: unknown) => {
      const respond = typeof reply === 'function' ? (reply as (value: unknown) => void) : () => {}
      let message: M
      try {
        message = parse(raw)
      } catch (error) {
        return respond({ ok: false, refusal: refusalOf(error) })
      }
      respond({ ok: true })
      take(message)
    })
  }
  answer('assignment', parseAssignment, on.assignment)
  answer('release', parseRelease, on.release)
  answer('target', parseTarget, on.target)
  answer('trust', parseTrust, on.trust)
  answer('run-ended', parseRunEnded, on.runEnded)
  answer('sum-roster', parseSumRoster, (letter) => on.summed('sum-roster', letter))
  answer('sum-delivery', parseSumDelivery, (letter) => on.summed('sum-delivery', letter))
  answer('sum-survivors', parseSumSurvivors, (letter) => on.summed('sum-survivors', letter))
  answer('sum-confirmations', parseSumConfirmations, (letter) => on.summed('sum-confirmations', letter))
  socket.connect()

  return {
    request,
    ready: (signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        if (introduced !== undefined) return resolve(introduced)
        waiting.add(resolve)
        const giveUp = (): void => {
          waiting.delete(resolve)
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', giveUp, { once: true })
      }),
    close: end,
  }
}

/** Whether to wait for the next connection and try again. */
export function isLinkLost(error: unknown): boolean {
  return error instanceof LoricaError && error.code === 'LRC-1009'
}

function replaced(): LoricaError {
  return new LoricaError('LRC-2009', 'the coordinator ended the connection twice', {
    expected: 'to be the only agent with this key',
    received: 'most likely a newer connection with the same key',
  })
}

function linkLost(message: string): LoricaError {
  return new LoricaError('LRC-1009', `link: ${message}`)
}
