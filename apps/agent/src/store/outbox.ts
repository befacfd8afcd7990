import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { canonicalJson, energySchema, type TrainAssignment } from '@lorica/protocol'
import { z } from 'zod'
import { type Disk, piecesOf, systemDisk } from './disk.js'
import { readJson, writeJson, writeWhole } from './folder.js'

const entrySchema = z.strictObject({
  work: z.string(), // workOf the assignment
  assignmentId: z.string(),
  runId: z.string(),
  round: z.int(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.int(),
  examples: z.int(),
  tokens: z.int(),
  trainMs: z.number(),
  lossFirst: z.number().nullable(),
  lossLast: z.number().nullable(),
  samplingRate: z.number().optional(),
  energy: energySchema.optional(),
  norm: z.number().optional(), // of one that goes into a secure sum: before clipping
  clipFactor: z.number().optional(),
  settled: z.boolean(), // there is a receipt or a refusal for it
})

/** A finished update that waits for its receipt, or had it in the latest round of its run. */
export type Finished = Readonly<z.infer<typeof entrySchema>>

/** Finished work on disk: what an agent trained is not trained again, whatever happens to the link or to either side. */
export interface Outbox {
  /** Finished work for an assignment of the same content, also when the assignment has another id now; not when its bytes are damaged. */
  find(work: string): Promise<Finished | undefined>
  /** Keeps finished work, bytes first, so that it survives a loss of power. Work of earlier rounds of its run goes. */
  put(finished: Finished, bytes: Uint8Array): Promise<void>
  settle(finished: Finished): Promise<void>
  /** Work that was finished and neither accepted nor refused. */
  unsettled(): Promise<readonly Finished[]>
  /** Forgets the work of a run that has ended. */
  drop(runId: string): Promise<void>
  read(finished: Finished, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>
}

/**
 * What an assignment asks for, as a hash: two assignments that differ only in id, deadline, trace, and the terms of a secure sum ask for the same.
 * Whether there is such a sum is a part of it, so that work for one never leaves in the clear.
 */
export function workOf(assignment: TrainAssignment): string {
  const { assignmentId: _, deadlineMs: __, traceparent: ___, secure, ...work } = assignment
  const wanted = secure === undefined ? work : { ...work, secure: true }
  return createHash('sha256').update(canonicalJson(wanted)).digest('hex')
}

/** Opens the outbox of a folder. */
export function openOutbox(folder: string, disk: Disk = systemDisk()): Outbox {
  const writing = { mode: 0o600, disk, isDurable: true }
  const entryPath = (work: string): string => join(folder, `${work}.json`)
  const bytesPath = (work: string): string => join(folder, `${work}.safetensors`)

  const entryOf = async (work: string): Promise<Finished | undefined> => {
    const parsed = entrySchema.safeParse(await readJson(entryPath(work), disk).catch(() => undefined))
    return parsed.success ? parsed.data : undefined
  }
  const isIntact = async ({ work, sha256 }: Finished): Promise<boolean> => {
    const hash = createHash('sha256')
    try {
      for await (const piece of piecesOf(disk, bytesPath(work))) hash.update(piece)
    } catch {
      return false
    }
    return hash.digest('hex') === sha256
  }
  const all = async (): Promise<readonly Finished[]> => {
    const works = (await disk.list(folder))
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -5))
    const entries = await Promise.all(works.sort().map(entryOf))
    return entries.filter((entry) => entry !== undefined)
  }
  const remove = async ({ work }: Finished): Promise<void> => {
    await disk.remove(entryPath(work))
    await disk.remove(bytesPath(work))
  }
  return {
    async find(work) {
      const entry = await entryOf(work)
      return entry !== undefined && (await isIntact(entry)) ? entry : undefined
    },
    async put(finished, bytes) {
      await writeWhole(bytesPath(finished.work), bytes, writing)
      await writeJson(entryPath(finished.work), finished, writing)
      const before = (await all()).filter(
        ({ runId, round }) => runId === finished.runId && round < finished.round,
      )
      await Promise.all(before.map(remove))
    },
    settle: (finished) => writeJson(entryPath(finished.work), { ...finished, settled: true }, writing),
    unsettled: async () => (await all()).filter(({ settled }) => !settled),
    async drop(runId) {
      const ended = (await all()).filter((entry) => entry.runId === runId)
      await Promise.all(ended.map(remove))
    },
    async read({ work }, offset, length) {
      const file = await disk.open(bytesPath(work))
      try {
        const bytes = new Uint8Array(length)
        return bytes.subarray(0, await file.readInto(bytes, offset))
      } finally {
        await file.close()
      }
    },
  }
}
