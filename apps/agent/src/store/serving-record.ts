/**
 * What the program that serves on this machine says of itself, for the agent beside it: in the folder of the agent.
 * @module
 */
import { join } from 'node:path'
import { z } from 'zod'
import { type Disk, systemDisk } from './disk.js'
import { readJson, writeJson } from './folder.js'

const answeredSchema = z.strictObject({
  requests: z.int(),
  failures: z.int(),
  seconds: z.number(),
  secondsSquared: z.number(),
})

const servingSchema = z.strictObject({
  pid: z.int(),
  url: z.string(),
  release: z.string(), // that is served
  releaseId: z.string(),
  /** The last target that it looked at; null: it serves the newest release, as no target was given. */
  target: z
    .strictObject({
      serial: z.int(),
      outcome: z.enum(['applied', 'failed']),
      reason: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
      atMs: z.number(),
    })
    .nullable(),
  now: answeredSchema, // since it serves the release
  before: answeredSchema.nullable(), // under the one before it
})

export type ServingRecord = Readonly<z.infer<typeof servingSchema>>

const pathIn = (folder: string): string => join(folder, 'serving.json')

/** The record of a program that runs; undefined when none does. */
export async function readServing(
  folder: string,
  disk: Disk = systemDisk(),
): Promise<ServingRecord | undefined> {
  const parsed = servingSchema.safeParse(await readJson(pathIn(folder), disk).catch(() => undefined))
  return parsed.success && isRunning(parsed.data.pid) ? parsed.data : undefined
}

export async function writeServing(
  folder: string,
  record: ServingRecord,
  disk: Disk = systemDisk(),
): Promise<void> {
  await writeJson(pathIn(folder), record, { disk })
}

/** Takes the record away, at the end of the program. */
export async function removeServing(folder: string, disk: Disk = systemDisk()): Promise<void> {
  await disk.remove(pathIn(folder))
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // there, and of another user
  }
}
