/**
 * - `refused`: the engine lives on; the request could not be served, and `message` says why.
 * - `crashed`: its process ended by itself. - `killed`: it was closed. - `stalled`: it made no progress and was ended.
 */
export type EngineFailure = 'refused' | 'crashed' | 'killed' | 'stalled'

/** A request that an engine did not answer. After any reason but `refused`, start another engine. */
export class EngineError extends Error {
  readonly reason: EngineFailure

  constructor(reason: EngineFailure, message: string) {
    super(message)
    this.name = 'EngineError'
    this.reason = reason
  }
}
