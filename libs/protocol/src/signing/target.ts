import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { ErrorCode } from '../errors/code.js'
import { LoricaError } from '../errors/lorica-error.js'
import { agentIdSchema, idSchema, positiveSchema, sha256Schema } from '../messages/field.js'
import { readMessage } from '../messages/message.js'
import type { Release } from '../messages/release.js'
import type { TargetMessage } from '../messages/target.js'
import { type Proof, pinnedTrust, type Trust, verifySigned } from '../trust/trust.js'
import { canonicalJson } from './canonical-json.js'
import { type Identity, signText } from './identity.js'
import { manifestId } from './manifest.js'

/** Which release an agent is to have: the newest one of these that it was given counts, whatever it missed. */
export const targetSchema = z.strictObject({
  schema: z.literal(1),
  kind: z.literal('target'),
  fleet: agentIdSchema, // id of the coordinator
  serial: positiveSchema, // 1, 2, ...; only grows: going back to an older release is a new target
  release: z.strictObject({ name: z.string().regex(/^v[1-9]\d*$/), id: sha256Schema }), // id: the hash of its manifest
  previous: z
    .string()
    .regex(/^v[1-9]\d*$/)
    .nullable(), // what it takes the place of: keep it, to go back without a download
  rollout: idSchema.nullable(), // that it is part of
  issuedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(), // not taken after this
})
export type Target = Readonly<z.infer<typeof targetSchema>>

/** What an agent remembers of the targets that it was given. */
export interface KnownTarget {
  readonly serial: number // the highest
  readonly sha256: string // of its text
}

/** How far the clock of an agent may be behind or ahead of the one that wrote the times of a target. */
const SKEW_MS = 5 * 60_000

/** Signs a target together with the release that it names; `prove` signs with a release key. RangeError for another release. */
export function signTarget(
  identity: Identity,
  target: Target,
  release: Release,
  prove: (text: string) => Proof | undefined = () => undefined,
): TargetMessage {
  const id = manifestId(release)
  if (target.release.id !== id) throw new RangeError(`release expected ${target.release.id}, got ${id}`)
  const text = canonicalJson(targetSchema.parse(target))
  const proof = prove(text)
  const proven = proof === undefined ? {} : { proof }
  return { target: text, signature: signText(identity, text), ...proven, release: { ...release } }
}

/** The hash of the signed text of a target. */
export function targetSha256({ target }: Pick<TargetMessage, 'target'>): string {
  return createHash('sha256').update(target, 'utf8').digest('hex')
}

/**
 * Reads a signed target. `by` is what the caller knows of the fleet; the key of its coordinator alone stands for pinnedTrust of it. Throws
 * LoricaError LRC-6101, LRC-6102 or LRC-6107 for a release key that may not sign it; LRC-6022 when a signature is not over it, the text is not canonical, or it is for another fleet; LRC-6025 when it came with another release than it names; LRC-6023 when its serial is below the
 * highest `known` one, or the same of another text; LRC-6024 when it has expired. The release is yet to be verified by itself.
 */
export function verifyTarget(
  message: TargetMessage,
  by: string | Trust,
  {
    fleet,
    known,
    nowMs,
  }: { readonly fleet: string; readonly known: KnownTarget | undefined; readonly nowMs: number },
): Target {
  const { target: text, signature, proof } = message
  try {
    verifySigned({ text, signature, proof }, typeof by === 'string' ? pinnedTrust(by) : by)
  } catch (error) {
    if (!(error instanceof LoricaError) || error.code !== 'LRC-6005') throw error
    throw refuse('LRC-6022', 'signature', 'one by the coordinator of this fleet', 'another')
  }
  const target = readMessage(targetSchema, 'target', jsonOf(message.target), 'LRC-6022')
  if (canonicalJson(target) !== message.target)
    throw refuse('LRC-6022', 'target', 'canonical JSON', 'other JSON')
  if (target.fleet !== fleet) throw refuse('LRC-6022', 'fleet', fleet, target.fleet)
  const id = manifestId(message.release)
  if (target.release.id !== id)
    throw refuse('LRC-6025', 'release.id', `the release ${target.release.id}`, `the release ${id}`)
  if (known !== undefined && target.serial < known.serial)
    throw refuse('LRC-6023', 'serial', `at least ${known.serial}`, String(target.serial))
  if (known !== undefined && target.serial === known.serial && targetSha256(message) !== known.sha256)
    throw refuse('LRC-6023', 'serial', `above ${known.serial} of another target`, String(target.serial))
  if (nowMs > Date.parse(target.expiresAt) + SKEW_MS)
    throw refuse('LRC-6024', 'expiresAt', `after ${new Date(nowMs).toISOString()}`, target.expiresAt)
  return target
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new LoricaError('LRC-6022', 'target: expected JSON', { cause })
  }
}

function refuse(code: ErrorCode, field: string, expected: string, received: string): LoricaError {
  return new LoricaError(code, `target: "${field}": expected ${expected}, received ${received}`, {
    expected,
    received,
  })
}
