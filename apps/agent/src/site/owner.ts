import { LoricaError } from '@lorica/protocol'
import { type Clock, wait } from '../clock.js'
import type { Sensors } from '../device/sensors.js'
import { type Disk, systemDisk } from '../store/disk.js'
import { paused, pauseOf } from './pause.js'
import { readPolicy } from './policy-file.js'
import { hasYieldLimits, reasonToYield } from './yielding.js'

/** What work asks before it goes on. */
export interface Owner {
  /** Throws LRC-6008 while the owner paused the agent and LRC-6015 while the machine is needed: new work is not begun. */
  expectFree(): Promise<void>
  /**
   * The same batches, or steps, each handed out only when the owner does not want the machine. Rejects with LRC-6008 when the pause would
   * last beyond `deadlineAtMs`, so that the work is given back.
   */
  whenFree<T>(
    batches: Iterable<T> | AsyncIterable<T>,
    deadlineAtMs: number,
    signal: AbortSignal,
  ): AsyncIterable<T>
}

export interface OwnerOptions {
  readonly clock: Clock
  readonly disk?: Disk
  /** What the machine feels; without it only a pause counts. */
  readonly sensors?: Sensors
  /** Hears again and again why work that is under way waits, and once, with null, that it goes on. */
  readonly onWaiting?: (reason: string | null) => void
}

const LOOK_MS = 500
const FRESH_MS = 2000 // how old a reading of the sensors may be

/** The owner of a folder, whose wishes are looked up at each step. */
export function ownerOf(folder: string, options: OwnerOptions): Owner {
  const { clock, disk = systemDisk(), sensors, onWaiting = () => {} } = options
  let isYielding = false
  let felt: { readonly atMs: number; readonly reason: string | undefined } | undefined

  const needed = async (): Promise<string | undefined> => {
    if (sensors === undefined) return undefined
    const nowMs = clock.monotonicMs()
    if (felt !== undefined && nowMs - felt.atMs < FRESH_MS) return felt.reason
    const limits = await readPolicy(folder, disk)
    const reason = hasYieldLimits(limits)
      ? reasonToYield(limits, await sensors.read(), isYielding)
      : undefined
    isYielding = reason !== undefined
    felt = { atMs: nowMs, reason }
    return reason
  }
  const untilFree = async (deadlineAtMs: number, signal: AbortSignal): Promise<void> => {
    for (let hasWaited = false; ; hasWaited = true) {
      const asked = await pauseOf(folder, clock.now(), disk)
      if (asked !== undefined && (asked.untilMs === null || asked.untilMs >= deadlineAtMs))
        throw paused(asked)
      const reason = asked === undefined ? await needed() : 'its owner paused it'
      if (reason === undefined) {
        if (hasWaited) onWaiting(null)
        return
      }
      onWaiting(reason)
      await wait(clock, LOOK_MS, signal)
    }
  }
  return {
    async expectFree() {
      const asked = await pauseOf(folder, clock.now(), disk)
      if (asked !== undefined) throw paused(asked)
      const reason = await needed()
      if (reason !== undefined) throw new LoricaError('LRC-6015', `the machine is needed: ${reason}`)
    },
    whenFree<T>(batches: Iterable<T> | AsyncIterable<T>, deadlineAtMs: number, signal: AbortSignal) {
      async function* free(): AsyncGenerator<T> {
        for await (const batch of batches) {
          await untilFree(deadlineAtMs, signal)
          yield batch
        }
      }
      return { [Symbol.asyncIterator]: free } // each iteration starts anew
    },
  }
}
