import { join } from 'node:path'
import type { Batches } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { z } from 'zod'
import { type Clock, wait } from '../clock.js'
import { type Disk, systemDisk } from '../store/disk.js'
import { readJson, writeJson } from '../store/folder.js'

const pauseSchema = z.strictObject({ untilMs: z.number().nullable() }) // null: until the owner resumes

/** A pause that the owner of the machine asked for. */
export type Pause = Readonly<z.infer<typeof pauseSchema>>

const FILE = 'pause.json'
const LOOK_MS = 500

/** Asks the agent of a folder to do nothing, for `forMs` or until it is resumed. A running agent yields within one step. */
export async function pause(
  folder: string,
  forMs: number | undefined,
  nowMs: number,
  disk: Disk = systemDisk(),
): Promise<Pause> {
  const asked: Pause = { untilMs: forMs === undefined ? null : nowMs + forMs }
  await writeJson(join(folder, FILE), asked, { disk })
  return asked
}

/** Lets the agent of a folder work again. */
export async function resume(folder: string, disk: Disk = systemDisk()): Promise<void> {
  await disk.remove(join(folder, FILE))
}

/** The pause of a folder that holds at `nowMs`; a file that cannot be read is a pause without an end. */
export async function pauseOf(
  folder: string,
  nowMs: number,
  disk: Disk = systemDisk(),
): Promise<Pause | undefined> {
  const stored = await readJson(join(folder, FILE), disk).catch(() => null)
  if (stored === undefined) return undefined
  const parsed = pauseSchema.safeParse(stored)
  const asked = parsed.success ? parsed.data : { untilMs: null }
  return asked.untilMs !== null && asked.untilMs <= nowMs ? undefined : asked
}

/** What work asks before it goes on. */
export interface Owner {
  /** Throws LRC-6008 while the owner wants the machine: new work is not begun. */
  expectFree(): Promise<void>
  /**
   * The same batches, each handed out only when the owner does not want the machine. Rejects with LRC-6008 when the pause would
   * last beyond `deadlineAtMs`, so that the work is given back.
   */
  whenFree(batches: Batches, deadlineAtMs: number, signal: AbortSignal): Batches
}

/** The owner of a folder, whose wishes are looked up at each step. */
export function ownerOf(folder: string, clock: Clock, disk: Disk = systemDisk()): Owner {
  return {
    async expectFree() {
      const asked = await pauseOf(folder, clock.now(), disk)
      if (asked !== undefined) throw paused(asked)
    },
    async *whenFree(batches, deadlineAtMs, signal) {
      for await (const batch of batches) {
        for (;;) {
          const asked = await pauseOf(folder, clock.now(), disk)
          if (asked === undefined) break
          if (asked.untilMs === null || asked.untilMs >= deadlineAtMs) throw paused(asked)
          await wait(clock, LOOK_MS, signal)
        }
        yield batch
      }
    },
  }
}

function paused({ untilMs }: Pause): LoricaError {
  const until = untilMs === null ? 'until its owner resumes it' : `until ${new Date(untilMs).toISOString()}`
  return new LoricaError('LRC-6008', `the agent is paused ${until}`)
}
