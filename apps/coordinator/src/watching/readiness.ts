import { asLoricaError, type LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Journal } from '../journal/journal.js'
import type { Log } from '../log.js'

/** Whether the coordinator can keep what it is given: its journal is written, and its disk has room. */
export interface Readiness {
  /** Why it cannot; null when all is well. */
  fault(): LoricaError | null
  /** Throws the fault, if there is one: whoever asks comes again later. */
  expect(): void
  /** Takes note of an error that may be a full disk, and returns it. */
  noted(error: unknown): LoricaError
  /** Resolves when all is well. Rejects with the reason of `signal`. */
  ready(signal: AbortSignal): Promise<void>
  close(): void
}

const PROBE_MS = 2000

/** `probe` writes a little and removes it: it rejects while the disk is full. */
export function createReadiness(
  journal: Journal,
  { clock, log, probe }: { readonly clock: Clock; readonly log: Log; readonly probe: () => Promise<void> },
): Readiness {
  let disk: LoricaError | null = null
  let cancel = () => {}
  let isReady = true
  const listeners = new Set<() => void>()
  const fault = () => journal.fault() ?? disk

  function look(): void {
    const found = fault()
    if (isReady !== (found === null)) {
      isReady = found === null
      if (found === null) log('ready-again')
      else log('not-ready', { code: found.code, why: found.message })
    }
    for (const listener of [...listeners]) listener()
  }

  function probeLater(): void {
    cancel = clock.after(PROBE_MS, () => {
      probe().then(
        () => {
          disk = null
          look()
        },
        () => probeLater(),
      )
    })
  }

  const unlisten = journal.listen(look)
  return {
    fault,
    expect() {
      const found = fault()
      if (found !== null) throw found
    },
    noted(error) {
      const known = asLoricaError(error)
      if (known.code === 'LRC-5005' && fault() === null) {
        disk = known
        probeLater()
        look()
      }
      return known
    },
    ready: (signal) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (!signal.aborted && fault() !== null) return
          listeners.delete(check)
          signal.removeEventListener('abort', check)
          if (signal.aborted) reject(signal.reason)
          else resolve()
        }
        listeners.add(check)
        signal.addEventListener('abort', check)
        check()
      }),
    close() {
      unlisten()
      cancel()
    },
  }
}

/** The answer to "does it serve?": 200, or 503 and why not. */
export function healthOf(readiness: Readiness): {
  readonly status: 200 | 503
  readonly body: {
    readonly ok: boolean
    readonly code?: string
    readonly reason?: string
    readonly action?: string
  }
} {
  const fault = readiness.fault()
  if (fault === null) return { status: 200, body: { ok: true } }
  const { code, message, action } = fault
  return { status: 503, body: { ok: false, code, reason: message, action } }
}
