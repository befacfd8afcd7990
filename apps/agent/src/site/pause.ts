import { join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { z } from 'zod'
import { type Disk, systemDisk } from '../store/disk.js'
import { readJson, writeJson } from '../store/folder.js'

const pauseSchema = z.strictObject({ untilMs: z.number().nullable() }) // null: until the owner resumes

/** A pause that the owner of the machine asked for. */
export type Pause = Readonly<z.infer<typeof pauseSchema>>

const FILE = 'pause.json'

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

/** The error for work that a pause does not let go on. */
export function paused({ untilMs }: Pause): LoricaError {
  const until = untilMs === null ? 'until its owner resumes it' : `until ${new Date(untilMs).toISOString()}`
  return new LoricaError('LRC-6008', `the agent is paused ${until}`)
}
