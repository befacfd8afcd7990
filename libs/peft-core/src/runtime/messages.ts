/**
 * What the engine's process and the process that started it say to each other.
 * @module
 */
import type { Batch } from '../train/batch.js'
import type { RuntimeChoice } from './load.js'

/** Options of the process, in its first argument as JSON. */
export interface HostOptions extends RuntimeChoice {
  readonly threads?: number
}

/** One call of what the process does. Batches and the argument that hears of progress are left out; both come as messages. */
export interface EngineRequest {
  readonly kind: 'request'
  readonly id: number
  readonly call: string
  readonly args: readonly unknown[]
}

/** The id under which the process says that it takes requests, with its EngineFacts, or why it cannot. */
export const READY = 0

/** The batch that request `id` asked for; null: there are no more. With `fault` there is none, and the request fails. */
export interface NextBatch {
  readonly kind: 'batch'
  readonly id: number
  readonly batch: Batch | null
  readonly fault?: string
}

/** Asks request `id`, which reports progress, to end early with what it has. */
export interface Stop {
  readonly kind: 'stop'
  readonly id: number
}

export type Message = EngineRequest | NextBatch | Stop

export type EngineReply =
  | { readonly kind: 'pull'; readonly id: number }
  | { readonly kind: 'progress'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly name: string; readonly message: string }
