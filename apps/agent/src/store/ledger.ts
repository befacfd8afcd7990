import { join } from 'node:path'
import type { SumTerms } from '@lorica/privacy'
import { comparisonSchema, energySchema, updateEncodingSchema } from '@lorica/protocol'
import { z } from 'zod'
import type { Delta } from '../work/delta.js'
import { type Disk, systemDisk } from './disk.js'
import { readJson, writeJson } from './folder.js'
import type { Finished } from './outbox.js'

const lastUploadSchema = z.strictObject({
  schema: z.literal(1),
  at: z.string(),
  coordinator: z.string(),
  update: z.strictObject({
    runId: z.string(),
    round: z.int(),
    sha256: z.string(),
    sizeBytes: z.int(),
    tensors: z.array(z.strictObject({ name: z.string(), shape: z.array(z.int()), sizeBytes: z.int() })),
    norm: z.number(), // L2, before clipping; stays here
    clipFactor: z.number(), // stays here
    encoding: updateEncodingSchema.default('f32'),
    roundingError: z.number().default(0), // L2 of what rounding kept back, as a share; stays here
  }),
  masked: z
    .strictObject({
      agents: z.int(), // the most whose updates are in the sum with it
      minSurvivors: z.int(), // the fewest
      bits: z.int(), // of each value
      noise: z.strictObject({ deviation: z.number(), honest: z.int() }).optional(), // that this agent added to each value, and of how many the promise needs it
    })
    .optional(), // of an update that left as a part of a secure sum: what left was uniform noise
  counts: z.strictObject({
    examples: z.int(),
    tokens: z.int(),
    trainMs: z.number(),
    lossFirst: z.number().nullable(), // null: it did not leave
    lossLast: z.number().nullable(),
    samplingRate: z.number().optional(),
    energy: energySchema.optional(),
  }),
})

const lastEvaluationSchema = z.strictObject({
  runId: z.string(),
  round: z.int(),
  assignmentId: z.string(),
  lossSum: z.number(),
  tokens: z.int(),
  evaluateMs: z.number(),
  comparison: comparisonSchema.optional(),
  masked: z.strictObject({ agents: z.int(), minSurvivors: z.int(), bits: z.int() }).optional(), // of what left as a part of a secure sum
})

/** The numbers of the latest evaluation that left this machine. */
export type LastEvaluation = Readonly<z.infer<typeof lastEvaluationSchema>>

/** What left this machine with the latest update: every tensor by name, shape and size, and the numbers beside them. */
export type LastUpload = Readonly<z.infer<typeof lastUploadSchema>>

const UPLOAD_FILE = 'last-upload.json'
const UPLINK_FILE = 'uplink.json'
const EVALUATION_FILE = 'last-evaluation.json'

/** Writes down what is about to leave as a part of a secure sum. */
export async function writeMaskedUpload(
  folder: string,
  { at, coordinator, finished, tensors, sent, terms }: MaskedSending,
  disk: Disk = systemDisk(),
): Promise<void> {
  const { runId, round, trainMs, norm = 0, clipFactor = 1 } = finished
  const { noise, ring } = terms
  const { agents, bits } = ring
  const update = { runId, round, ...sent, tensors, norm, clipFactor, encoding: 'f32', roundingError: 0 }
  const record = {
    ...{ schema: 1, at, coordinator, update },
    masked: { agents, minSurvivors: terms.minSurvivors, bits, ...(noise === undefined ? {} : { noise }) },
    counts: { ...unsaidCounts, trainMs },
  }
  await writeJson(join(folder, UPLOAD_FILE), record, { disk })
}

/** What is announced beside a masked update: nothing of the training but its time. */
export const unsaidCounts = { examples: 0, tokens: 1, lossFirst: 0, lossLast: 0 } as const

export interface MaskedSending extends Omit<Sending, 'delta'> {
  readonly tensors: Delta['tensors']
  readonly sent: { readonly sha256: string; readonly sizeBytes: number }
  readonly terms: Pick<SumTerms, 'ring' | 'minSurvivors' | 'noise'>
}

export interface Sending {
  readonly at: string
  readonly coordinator: string
  readonly finished: Finished
  readonly delta: Delta
}

/** Writes down what is about to leave. It is called before the first byte does. */
export async function writeLastUpload(
  folder: string,
  sending: Sending,
  disk: Disk = systemDisk(),
): Promise<void> {
  const { at, coordinator, finished, delta } = sending
  const { tensors, norm, clipFactor, encoding, roundingError } = delta
  const { runId, round, sha256, sizeBytes, examples, tokens, trainMs, lossFirst, lossLast } = finished
  const { samplingRate, energy } = finished
  const record = {
    schema: 1,
    at,
    coordinator,
    update: { runId, round, sha256, sizeBytes, tensors, norm, clipFactor, encoding, roundingError },
    counts: {
      ...{ examples, tokens, trainMs, lossFirst, lossLast },
      ...(samplingRate === undefined ? {} : { samplingRate }),
      ...(energy === undefined ? {} : { energy }),
    },
  }
  await writeJson(join(folder, UPLOAD_FILE), record, { disk })
}

/** The record of the latest update, or undefined when none left this machine. */
export async function readLastUpload(folder: string): Promise<LastUpload | undefined> {
  const stored = await readJson(join(folder, UPLOAD_FILE))
  return stored === undefined ? undefined : lastUploadSchema.parse(stored)
}

const uplinkSchema = z.strictObject({ at: z.string(), sizeBytes: z.int(), ms: z.number() })

/** How long the latest update took from its offer to its receipt. */
export type Uplink = Readonly<z.infer<typeof uplinkSchema>>

/** Notes how fast an update was sent. */
export async function writeUplink(folder: string, uplink: Uplink, disk: Disk = systemDisk()): Promise<void> {
  await writeJson(join(folder, UPLINK_FILE), uplink, { disk })
}

/** How fast the latest update was sent, or undefined when none was. */
export async function readUplink(folder: string): Promise<Uplink | undefined> {
  const stored = await readJson(join(folder, UPLINK_FILE))
  return stored === undefined ? undefined : uplinkSchema.parse(stored)
}

/** Writes down the evaluation that is about to leave. */
export async function writeLastEvaluation(
  folder: string,
  evaluation: LastEvaluation,
  disk: Disk = systemDisk(),
): Promise<void> {
  await writeJson(join(folder, EVALUATION_FILE), evaluation, { disk })
}

/** The latest evaluation that left, or undefined when there was none. */
export async function readLastEvaluation(folder: string): Promise<LastEvaluation | undefined> {
  const stored = await readJson(join(folder, EVALUATION_FILE))
  return stored === undefined ? undefined : lastEvaluationSchema.parse(stored)
}
