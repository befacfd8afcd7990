import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { ErrorCode } from '../errors/code.js'
import { LoricaError } from '../errors/lorica-error.js'
import {
  agentIdSchema,
  agentNameSchema,
  countSchema,
  filesSchema,
  idSchema,
  positiveSchema,
  publicKeySchema,
  sha256Schema,
} from '../messages/field.js'
import { readMessage } from '../messages/message.js'
import type { Release } from '../messages/release.js'
import { pinnedTrust, type Trust, verifySigned } from '../trust/trust.js'
import { canonicalJson } from './canonical-json.js'
import { type Identity, signText, verifyText } from './identity.js'
import { lineageSchema } from './lineage.js'

export const agentEvaluationSchema = z.strictObject({
  agentId: agentIdSchema,
  loss: z.number(),
  tokens: positiveSchema,
})

/** What a guard of the run found of a release beside the one before. */
const guardedSchema = z.strictObject({
  metric: z.string().max(64),
  of: z.string().max(80),
  mode: z.enum(['enforce', 'dry-run']),
  verdict: z.enum(['pass', 'fail', 'inconclusive']), // of an enforced guard: inconclusive where a person decided
  value: z.number().nullable(),
  before: z.number().nullable(),
  allowed: z.number().nullable(), // how much worse it may be, in the unit of the metric
  interval: z.strictObject({ low: z.number(), high: z.number(), confidence: z.number() }).nullable(), // of how much worse it is
  examples: countSchema.nullable(),
  text: z.string().max(500), // the same in words
})
export type GuardedMetric = Readonly<z.infer<typeof guardedSchema>>

/** What a release promises to each of the sites that it was made with, whoever has it and every earlier release of its run. */
export const privacyStatementSchema = z.strictObject({
  unit: z.enum(['site', 'example']), // what is protected: all data of a site, or one example of it
  adjacency: z.enum(['zero-out', 'add-remove']), // two data sets are neighbours: a site's part of each sum, or zero; an example more or less
  epsilon: z.number().min(0), // of the run up to here, the largest of all sites
  delta: z.number().gt(0).lt(1),
  accountant: z.enum(['gaussian', 'pld', 'rdp']), // whose bound it is
  order: z.number().nullable(), // of the Renyi divergence; null for other accountants
  noise: z.enum(['server', 'agent', 'shared']), // who added it
  noiseMultiplier: z.number().positive(), // standard deviation of a round, or of a step for examples, over the clip, all that it releases counted
  rounds: positiveSchema, // the most that one site took part in
  seen: positiveSchema.optional(), // the coordinator saw sums of at least so many updates and nothing else of them; absent: it saw each
  colluding: countSchema.optional(), // of noise that the sites share out: the promise holds while at most so many of them work together with the coordinator; absent: it does not depend on them
  spent: z.number().min(0), // the same of all runs of the fleet together, the largest of all sites
})
export type PrivacyStatement = Readonly<z.infer<typeof privacyStatementSchema>>

/** What a release is: which files, from which base, made of which updates, and how well it does. */
export const releaseManifestSchema = z.strictObject({
  schema: z.union([z.literal(1), z.literal(2)]), // 2: it has a lineage
  version: positiveSchema, // 1, 2, ...; only grows
  name: z.string().regex(/^v[1-9]\d*$/), // v and the version
  runId: idSchema,
  runName: z.string().max(80),
  round: countSchema, // 0: the base as it is, before any round of the run; its adapter changes nothing
  parent: z
    .string()
    .regex(/^v[1-9]\d*$/)
    .nullable(), // null: the first of its run
  base: z.strictObject({ sha256: sha256Schema, name: z.string().max(255) }),
  files: filesSchema, // a PEFT folder
  contributions: z.array(
    z.strictObject({
      agentId: agentIdSchema,
      name: agentNameSchema,
      updateSha256: sha256Schema,
      weight: z.number().positive(), // shares add up to 1, or less where a robust rule left a part to the parent
    }),
  ),
  evaluation: z.strictObject({
    loss: z.number().nullable(), // mean over tokens, in nats; null: no agent measured it
    tokens: countSchema,
    perAgent: z.array(agentEvaluationSchema),
    guards: z.array(guardedSchema).max(16).optional(), // what each guard found beside the parent; absent: there were none
  }),
  lineage: lineageSchema.optional(), // absent in releases of schema 1
  privacy: privacyStatementSchema.optional(), // absent: nothing is promised
  createdAt: z.iso.datetime(),
  software: z.string().max(64),
  coordinatorPublicKey: publicKeySchema,
})
export type ReleaseManifest = Readonly<z.infer<typeof releaseManifestSchema>>
export type AgentEvaluation = Readonly<z.infer<typeof agentEvaluationSchema>>

/** Signs a manifest: its canonical JSON and the Ed25519 signature over exactly those bytes. */
export function signManifest(identity: Identity, manifest: ReleaseManifest): Release {
  const text = canonicalJson(releaseManifestSchema.parse(manifest))
  return { manifest: text, signature: signText(identity, text) }
}

/** The id of a release: the hexadecimal SHA-256 of its signed text. */
export function manifestId(release: Release): string {
  return createHash('sha256').update(release.manifest, 'utf8').digest('hex')
}

/** What a verifier may accept of a release. */
export interface Acceptable {
  readonly baseSha256?: string
  readonly newerThan?: number
  /** Whether it was taken before and is read again: see verifySigned. */
  readonly isKept?: boolean
}

/**
 * Reads a signed release. `by` is what the caller knows of the fleet; the key of its coordinator alone stands for pinnedTrust of it.
 * Throws what verifySigned throws; LoricaError LRC-6005 when the text is not canonical or a field is wrong, LRC-6106 for one of another
 * fleet, LRC-6108 for another base than the caller may accept, LRC-6109 for a wrong name, LRC-6006 for a version not above `newerThan`.
 */
export function verifyRelease(
  { manifest: text, signature, proof }: Release,
  by: string | Trust,
  accept: Acceptable = {},
): ReleaseManifest {
  const trust = typeof by === 'string' ? pinnedTrust(by) : by
  const foreign = fleetIn(text)
  if (foreign !== undefined && foreign !== trust.fleet && verifyText(foreign, text, signature))
    throw new LoricaError('LRC-6106', 'the release is of another fleet', {
      expected: trust.fleet,
      received: foreign,
    })
  verifySigned({ text, signature, proof }, trust, accept.isKept)
  const manifest = readMessage(releaseManifestSchema, 'manifest', jsonOf(text), 'LRC-6005')
  if (canonicalJson(manifest) !== text) throw refuse('manifest', 'canonical JSON', 'other JSON', 'LRC-6005')
  if (manifest.coordinatorPublicKey !== trust.fleet)
    throw refuse('coordinatorPublicKey', trust.fleet, manifest.coordinatorPublicKey, 'LRC-6106')
  if ((manifest.schema === 2) !== (manifest.lineage !== undefined))
    throw refuse('lineage', manifest.schema === 2 ? 'one' : 'none', `schema ${manifest.schema}`, 'LRC-6005')
  if (manifest.name !== `v${manifest.version}`)
    throw refuse('name', `v${manifest.version}`, manifest.name, 'LRC-6109')
  if (accept.baseSha256 !== undefined && manifest.base.sha256 !== accept.baseSha256)
    throw refuse('base.sha256', accept.baseSha256, manifest.base.sha256, 'LRC-6108')
  if (accept.newerThan !== undefined && manifest.version <= accept.newerThan) {
    throw new LoricaError('LRC-6006', `release ${manifest.name} is not newer than v${accept.newerThan}`, {
      expected: `a version above ${accept.newerThan}`,
      received: String(manifest.version),
    })
  }
  return manifest
}

/** The fleet that a text says it is of, unverified. */
function fleetIn(text: string): string | undefined {
  try {
    const { coordinatorPublicKey } = JSON.parse(text) as { readonly coordinatorPublicKey?: unknown }
    return typeof coordinatorPublicKey === 'string' ? coordinatorPublicKey : undefined
  } catch {
    return undefined
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new LoricaError('LRC-6005', 'manifest: expected JSON', { cause })
  }
}

function refuse(field: string, expected: string, received: string, code: ErrorCode): LoricaError {
  return new LoricaError(code, `release: "${field}": expected ${expected}, received ${received}`, {
    expected,
    received,
  })
}
