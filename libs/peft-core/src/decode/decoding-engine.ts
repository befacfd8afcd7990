/**
 * An engine decodes in a process of its own: many texts at a time, under several adapters.
 * @module
 */
import { type EngineLink, type EngineOptions, openEngineLink } from '../runtime/engine-link.js'
import type { Decoding } from './decoding.js'
import type { DecodedText, DecodeJob, OnToken } from './growth.js'

export interface DecodingEngine
  extends Omit<Decoding, 'decode'>,
    Pick<EngineLink, 'pid' | 'facts' | 'close'>,
    AsyncDisposable {
  /** Lets a text grow, beside those of other calls; `signal` ends it early, as `cancelled`. */
  decode(job: DecodeJob, onToken: OnToken, signal?: AbortSignal): Promise<DecodedText>
}

/** The compiled program, also when this file runs from source. */
const HOST = new URL('host.js', import.meta.url.replace(/\/src\/decode\/([^/]+)\.ts$/, '/dist/decode/$1.js'))

/**
 * Starts an engine's process and waits until it takes requests. It ends with this process, at the latest. EngineError when
 * the runtime or the device that was chosen cannot be used; no other is tried.
 */
export async function startDecodingEngine(options: EngineOptions = {}): Promise<DecodingEngine> {
  const { pid, facts, request, close } = await openEngineLink({ host: HOST, ...options })
  return {
    pid,
    facts,
    open: (spec) => request('open', [spec]),
    load: (name, adapter, probe) => request('load', [name, adapter, probe]),
    unload: (name) => request('unload', [name]),
    embed: (name, texts) => request('embed', [name, texts]),
    decode: async (job, onToken, signal) =>
      signal?.aborted === true
        ? { ending: 'cancelled', tokens: 0 }
        : request('decode', [job], { signal, onProgress: (token: never) => onToken(token) }),
    close,
    [Symbol.asyncDispose]: close,
  }
}
