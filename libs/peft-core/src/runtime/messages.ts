/**
 * What the engine's process and the process that started it say to each other.
 * @module
 */
import type { Device } from './runtime.js'
import type { Service } from './service.js'

/** Options of the process, in its first argument as JSON. */
export interface HostOptions {
  readonly device: Device
  readonly threads?: number
}

/** One call of the service. The argument that hears of progress is left out; progress comes as messages. */
export interface EngineRequest {
  readonly id: number
  readonly call: keyof Service | typeof STOP
  readonly args: readonly unknown[]
}

/** Asks a request that reports progress (the id is its own) to end early with what it has. */
export const STOP = 'stop'

/** The id under which the process says that it takes requests. */
export const READY = 0

export type EngineReply =
  | { readonly kind: 'progress'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly name: string; readonly message: string }
