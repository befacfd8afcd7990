import { Worker } from 'node:worker_threads'
import { type ErrorCode, LoricaError } from '@lorica/protocol'
import type { Aggregated, ClosedRound } from './closed-round.js'

/** Aggregates rounds elsewhere than where agents are answered, so that nobody waits for a large sum. */
export interface Aggregator {
  /** Makes it ready, so that the first round does not wait for its start. */
  warm(): void
  /** The same as `aggregateOf`, of updates that lie on this machine. */
  aggregate(updatesFolder: string, closed: ClosedRound): Promise<Aggregated>
  /** Ends it; what it was working on rejects. It starts again when it is asked. */
  close(): Promise<void>
}

/** What the thread is asked. */
export interface AggregationRequest {
  readonly id: number
  readonly updatesFolder: string
  readonly closed: ClosedRound
}

/** What it answers. */
export type AggregationAnswer =
  | { readonly id: number; readonly aggregated: Aggregated }
  | { readonly id: number; readonly fault: Fault }

/** An error on its way between threads, which keeps its message alone. */
export interface Fault {
  readonly kind: 'range' | 'coded' | 'other'
  readonly code: ErrorCode | null
  readonly message: string
  readonly expected: string | undefined
  readonly received: string | undefined
}

/** The compiled program, also when this file runs from source. */
const PROGRAM = new URL(
  'aggregation-thread.js',
  import.meta.url.replace(/\/src\/aggregation\/aggregator\.ts$/, '/dist/aggregation/aggregator.js'),
)

interface Pending {
  readonly request: Omit<AggregationRequest, 'id'>
  readonly isSecond: boolean // try
  resolve(aggregated: Aggregated): void
  reject(error: Error): void
}

/**
 * Aggregates in a thread of its own, which starts when it is first needed and stays. A round during which it falls is tried once more in
 * another one; then it is LRC-9001.
 */
export function threadAggregator(program: URL = PROGRAM): Aggregator {
  const pending = new Map<number, Pending>()
  let thread: Worker | undefined
  let asked = 0
  const fallen = (own: Worker, error: Error, isOver = false): void => {
    if (thread !== own) return
    thread = undefined
    const waiting = [...pending.values()]
    pending.clear()
    for (const one of waiting) {
      if (isOver || one.isSecond) one.reject(error)
      else ask({ ...one, isSecond: true })
    }
  }
  const ask = (wanted: Pending): void => {
    thread ??= start()
    const id = asked++
    pending.set(id, wanted)
    thread.ref()
    thread.postMessage({ id, ...wanted.request } satisfies AggregationRequest)
  }
  const start = (): Worker => {
    const own = new Worker(program)
    own.unref()
    own.on('message', (answer: AggregationAnswer) => {
      const request = pending.get(answer.id)
      pending.delete(answer.id)
      if (pending.size === 0) own.unref()
      if ('fault' in answer) request?.reject(errorOf(answer.fault))
      else request?.resolve(answer.aggregated)
    })
    own.on('error', (cause) => fallen(own, fellWith(cause.message, cause)))
    own.on('exit', (code) => fallen(own, fellWith(`it ended with ${code}`)))
    return own
  }
  return {
    warm() {
      thread ??= start()
    },
    aggregate: (updatesFolder, closed) =>
      new Promise((resolve, reject) => {
        ask({ request: { updatesFolder, closed }, isSecond: false, resolve, reject })
      }),
    async close() {
      const own = thread
      if (own === undefined) return
      fallen(own, fellWith('the coordinator stops'), true)
      await own.terminate()
    },
  }
}

function fellWith(why: string, cause?: Error): LoricaError {
  return new LoricaError('LRC-9001', `the thread that aggregates fell: ${why}`, { cause })
}

/** An error as it can be sent to another thread. */
export function faultOf(error: unknown): Fault {
  if (error instanceof LoricaError) {
    const { code, message, expected, received } = error
    return { kind: 'coded', code, message, expected, received }
  }
  const { message } = error instanceof Error ? error : new Error(String(error))
  const kind = error instanceof RangeError ? 'range' : 'other'
  return { kind, code: null, message, expected: undefined, received: undefined }
}

function errorOf({ code, kind, message, expected, received }: Fault): Error {
  if (code !== null) return new LoricaError(code, message, { expected, received })
  return kind === 'range' ? new RangeError(message) : new Error(message)
}
