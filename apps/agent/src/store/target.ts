/**
 * Which release this machine is to have, as the coordinator signed it: in the folder of the agent, where what serves reads it.
 * @module
 */
import { join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { z } from 'zod'
import { type Disk, systemDisk } from './disk.js'
import { readJson, writeJson } from './folder.js'

const heldSchema = z.strictObject({
  serial: z.int(),
  name: z.string().regex(/^v[1-9]\d*$/),
  releaseId: z.string(),
  expiresAt: z.string(),
})

const targetSchema = z.strictObject({
  highest: z.strictObject({ serial: z.int(), sha256: z.string() }), // of all that were signed for this fleet
  held: heldSchema.nullable(), // the last one whose release is verified and here; null: none yet
  before: z.string().nullable(), // the release of the one before it: kept, to go back without a download
})

/** What is known of targets here. */
export type TargetRecord = Readonly<z.infer<typeof targetSchema>>
export type HeldTarget = Readonly<z.infer<typeof heldSchema>>

const pathIn = (folder: string): string => join(folder, 'target.json')

/** The record of a folder of an agent; undefined before the first target. Throws LoricaError LRC-8003 for one that cannot be read: without it an older target could be taken for a new one. */
export async function readTarget(
  folder: string,
  disk: Disk = systemDisk(),
): Promise<TargetRecord | undefined> {
  const stored = await readJson(pathIn(folder), disk)
  if (stored === undefined) return undefined
  const parsed = targetSchema.safeParse(stored)
  if (parsed.success) return parsed.data
  throw new LoricaError('LRC-8003', `${pathIn(folder)}: expected the record of targets`, {
    action: 'Restore the file; without it an older target could be taken for a new one.',
  })
}

/** Replaces the record; it survives a loss of power. */
export async function writeTarget(
  folder: string,
  record: TargetRecord,
  disk: Disk = systemDisk(),
): Promise<void> {
  await writeJson(pathIn(folder), record, { disk, isDurable: true })
}

/** The releases that stay because targets name them: the one to have, and the one before it. */
export async function targetedReleases(
  folder: string,
  disk: Disk = systemDisk(),
): Promise<readonly string[]> {
  const { held, before } = (await readTarget(folder, disk)) ?? { held: null, before: null }
  return [held?.name, before].flatMap((name) => name ?? [])
}
