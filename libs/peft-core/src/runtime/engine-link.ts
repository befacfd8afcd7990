/**
 * A process of its own that computes: the native runtime blocks the thread it runs on, and when it fails it takes its
 * process with it.
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Batch, Batches } from '../train/batch.js'
import { EngineError, type EngineFailure } from './engine-error.js'
import type { EngineFacts, RuntimeChoice } from './load.js'
import { type EngineReply, type HostOptions, type Message, READY } from './messages.js'

export interface EngineOptions extends RuntimeChoice {
  /** Threads of one operator; the runtime's choice when absent. TensorFlow.js always chooses itself. */
  readonly threads?: number
  /** How long the process may stay silent while it serves a request before it is ended; 10 minutes unless stated. */
  readonly silenceMs?: number
  /** The program that the process runs; the engine's own unless stated. */
  readonly host?: URL
}

/** A process that computes, and the way to it. */
export interface EngineLink {
  /** The process id, to read its memory or its load by. */
  readonly pid: number
  /** What computes. */
  readonly facts: EngineFacts
  /** Calls a method of the process; an EngineError says why it failed. */
  request(call: string, args: readonly unknown[], exchange?: Exchange): Promise<never>
  /** Ends the process, whatever it is doing, and waits until it is gone. Pending requests are rejected as `killed`. */
  close(): Promise<void>
}

interface Pending {
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
  /** False asks the request to end early. */
  readonly onProgress?: ((value: never) => unknown) | undefined
  readonly batches?: BatchIterator | undefined
}

type BatchIterator = AsyncIterator<Batch> | Iterator<Batch>

/** What a request hears and gives while it is served. */
export interface Exchange {
  readonly onProgress?: Pending['onProgress']
  readonly batches?: Batches
  /** Asks the request to end early, as an `onProgress` that gives false does. */
  readonly signal?: AbortSignal | undefined
}

const SILENCE_MS = 600_000
const KEPT_COMPLAINT = 2000
const FAREWELL_MS = 1000

/**
 * Starts an engine's process and waits until it takes requests. It ends with this process, at the latest. EngineError
 * when the runtime or the device that was chosen cannot be used; no other is tried.
 */
export async function openEngineLink(options: EngineOptions = {}): Promise<EngineLink> {
  const silenceMs = options.silenceMs ?? SILENCE_MS
  const child = forkHost(options)
  const pending = new Map<number, Pending>()
  let ended: EngineError | undefined
  let complaint = ''
  let watch: NodeJS.Timeout | undefined
  let lastId = READY
  let owed = 0 // batches that were asked for and are not there yet

  const end = (reason: EngineFailure, message: string): void => {
    ended ??= new EngineError(reason, message)
    for (const { reject } of pending.values()) reject(ended)
    pending.clear()
    watchSilence()
    child.kill('SIGKILL')
  }
  // An idle engine keeps neither a timer nor this process alive.
  const watchSilence = (): void => {
    clearTimeout(watch)
    if (pending.size === 0) {
      child.channel?.unref()
      return
    }
    child.channel?.ref()
    if (owed > 0) return // the engine waits for its caller
    const message = `the engine was silent for ${silenceMs / 1000} s while it served a request, and was ended`
    watch = setTimeout(() => end('stalled', message), silenceMs)
  }
  const unreachable = (error: Error): void =>
    end('crashed', `the engine's process cannot be reached: ${error.message}`)
  // A process that ended says how in a moment; only one that does not is just out of reach.
  const reachable = (error: Error | null): void => {
    if (error === null) return
    setTimeout(() => unreachable(error), FAREWELL_MS).unref()
  }
  const expectReply = (id: number, { onProgress, batches }: Exchange = {}): Promise<never> =>
    new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject, onProgress, batches: batches && iteratorOf(batches) })
      watchSilence()
    })
  const send = (message: Message): void => void child.send(message, reachable)
  const request: EngineLink['request'] = async (call, args, exchange) => {
    if (ended !== undefined) throw ended
    const id = ++lastId
    const reply = expectReply(id, exchange)
    send({ kind: 'request', id, call, args })
    const stop = (): void => send({ kind: 'stop', id })
    const { signal } = exchange ?? {}
    if (signal?.aborted === true) stop()
    signal?.addEventListener('abort', stop, { once: true })
    try {
      return await reply
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }
  // A fault of the batches is the caller's own: it is thrown as it is, and the engine only hears that there is one.
  const hand = async (id: number): Promise<void> => {
    const waiting = pending.get(id)
    owed++
    watchSilence()
    try {
      const next = await waiting?.batches?.next()
      send({ kind: 'batch', id, batch: next === undefined || next.done === true ? null : next.value })
    } catch (error) {
      pending.delete(id)
      waiting?.reject(error)
      send({ kind: 'batch', id, batch: null, fault: 'the batches cannot be read' })
    } finally {
      owed--
      watchSilence()
    }
  }

  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-KEPT_COMPLAINT)
  })
  child.on('message', (reply: EngineReply) => {
    const waiting = pending.get(reply.id)
    if (reply.kind === 'done' || reply.kind === 'failed') pending.delete(reply.id)
    watchSilence()
    if (reply.kind === 'pull') void hand(reply.id)
    else if (reply.kind === 'progress') {
      if (waiting?.onProgress?.(reply.value as never) === false) send({ kind: 'stop', id: reply.id })
    } else if (reply.kind === 'done') waiting?.resolve(reply.value as never)
    else waiting?.reject(new EngineError('refused', reply.message))
  })
  child.on('error', unreachable)
  child.on('close', (code, signal) => {
    const how = signal === null ? `with code ${code}` : `by ${signal}`
    end('crashed', `the engine's process ended ${how}${complaint === '' ? '' : `: ${complaint.trim()}`}`)
  })

  const close = async (): Promise<void> => {
    end('killed', 'the engine was closed')
    if (child.exitCode !== null || child.signalCode !== null) return
    child.ref()
    await once(child, 'exit')
  }
  const facts: EngineFacts = await expectReply(READY).catch(async (error) => {
    await close()
    throw error
  })
  return { pid: child.pid as number, facts, request, close }
}

function iteratorOf(batches: Batches): BatchIterator {
  return Symbol.asyncIterator in batches ? batches[Symbol.asyncIterator]() : batches[Symbol.iterator]()
}

/** The compiled program, also when this file runs from source. */
const HOST = new URL(
  import.meta.url.replace(/\/src\/runtime\/engine-link\.ts$/, '/dist/runtime/engine-link.js'),
)

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

function forkHost({
  host = new URL('host.js', HOST),
  silenceMs: _,
  ...hostOptions
}: EngineOptions): ChildProcess {
  const { NODE_OPTIONS: _options, ...inherited } = process.env
  const env = { ...inherited, ORT_DISABLE_TELEMETRY: '1' } // otherwise onnxruntime keeps an event database for its maker
  const child = fork(fileURLToPath(host), [JSON.stringify(hostOptions satisfies HostOptions)], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    env,
  })
  running.add(child)
  child.on('exit', () => running.delete(child))
  child.unref()
  ;(child.stderr as unknown as { unref(): void } | null)?.unref()
  return child
}
