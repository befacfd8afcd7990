import { Worker } from 'node:worker_threads'
import type { Closing, Collecting, Reveal, SecureSum, SumRefusal } from '@lorica/privacy'
import { type ErrorCode, LoricaError } from '@lorica/protocol'
import type { Aggregated, ClosedRound } from './closed-round.js'
import type { StoredInput } from './masked-sum.js'

/** Aggregates rounds elsewhere than where agents are answered, so that nobody waits for a large sum. */
export interface Aggregator {
  /** Makes it ready, so that the first round does not wait for its start. */
  warm(): void
  /** The same as `aggregateOf`, of updates that lie on this machine. */
  aggregate(updatesFolder: string, closed: ClosedRound): Promise<Aggregated>
  /** The same as `addInputs`, of masked updates that lie on this machine. */
  addInputs(collecting: Collecting, inputs: readonly StoredInput[]): Promise<Collecting | SumRefusal>
  /** The same as `finishSum`. */
  finishSum(closing: Closing, reveals: readonly Reveal[]): Promise<SecureSum | SumRefusal>
  /** Ends it; what it was working on rejects. It starts again when it is asked. */
  close(): Promise<void>
}

/** What the thread is asked. */
export interface AggregationRequest {
  readonly id: number
  readonly asked:
    | { readonly kind: 'aggregate'; readonly updatesFolder: string; readonly closed: ClosedRound }
    | { readonly kind: 'add'; readonly collecting: Collecting; readonly inputs: readonly StoredInput[] }
    | { readonly kind: 'finish'; readonly closing: Closing; readonly reveals: readonly Reveal[] }
}

/** What comes of it. */
export type AggregationResult = Aggregated | Collecting | SecureSum | SumRefusal

/** What it answers. */
export type AggregationAnswer =
  | { readonly id: number; readonly result: AggregationResult }
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
  readonly asked: AggregationRequest['asked']
  readonly isSecond: boolean // try
  resolve(result: AggregationResult): void
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
    thread.postMessage({ id, asked: wanted.asked } satisfies AggregationRequest)
  }
  const start = (): Worker => {
    const own = new Worker(program)
    own.unref()
    own.on('message', (answer: AggregationAnswer) => {
      const request = pending.get(answer.id)
      pending.delete(answer.id)
      if (pending.size === 0) own.unref()
      if ('fault' in answer) request?.reject(errorOf(answer.fault))
      else request?.resolve(answer.result)
    })
    own.on('error', (cause) => fallen(own, fellWith(cause.message, cause)))
    own.on('exit', (code) => fallen(own, fellWith(`it ended with ${code}`)))
    return own
  }
  const result = <T extends AggregationResult>(asked: AggregationRequest['asked']): Promise<T> =>
    new Promise((resolve, reject) => {
      ask({ asked, isSecond: false, resolve: (one) => resolve(one as T), reject })
    })
  return {
    warm() {
      thread ??= start()
    },
    aggregate: (updatesFolder, closed) => result({ kind: 'aggregate', updatesFolder, closed }),
    addInputs: (collecting, inputs) => result({ kind: 'add', collecting, inputs }),
    finishSum: (closing, reveals) => result({ kind: 'finish', closing, reveals }),
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
