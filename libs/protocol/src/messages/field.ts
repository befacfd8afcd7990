import { z } from 'zod'
import { limits } from '../limits.js'

/** Schemas of the fields that several messages have. */
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
export const agentIdSchema = z.string().regex(/^[0-9a-f]{32}$/, 'expected 32 hexadecimal digits')
export const idSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/, 'expected an id of at most 80 characters')
export const countSchema = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
export const positiveSchema = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
export const secondsMsSchema = z.number().min(0).max(1e12)
export const agentNameSchema = z
  .string()
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u,
    'expected a name of at most 64 letters, digits, spaces, dots or dashes',
  )
export const labelKeySchema = z.string().regex(/^[a-z][a-z0-9._-]{0,31}$/, 'expected a label key like site')
export const labelsSchema = z
  .record(labelKeySchema, z.string().max(64))
  .refine((labels) => Object.keys(labels).length <= 16, 'expected at most 16 labels')
/** 32 raw bytes of an Ed25519 public key, base64url without padding. */
export const publicKeySchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 43 base64url characters')
/** 64 raw bytes of an Ed25519 signature, base64url without padding. */
export const signatureSchema = z.string().regex(/^[A-Za-z0-9_-]{86}$/, 'expected 86 base64url characters')

/** A nonce that the coordinator drew. */
export const nonceSchema = z.string().regex(/^[A-Za-z0-9_-]{16,64}$/)
/** Rotations of a key, oldest first, each as publicKey.nonce.signature, with a space between two: see signing/key-chain.ts. */
export const rotationsSchema = z
  .string()
  .max(limits.keyRotations * 196)
  .regex(
    /^[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{86}( [A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{86})*$/,
    'expected rotations as publicKey.nonce.signature',
  )

/** 32 raw bytes of an X25519 public key of a secure sum, base64url without padding. */
export const curveKeySchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 43 base64url characters')
/** SHA-256, base64url without padding. */
export const digestSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 43 base64url characters')

/** How the values of an update travel: as they are, or rounded to fewer bits. */
export const updateEncodingSchema = z.enum(['f32', 'bf16', 'int8', 'int4'])
export type UpdateEncoding = z.infer<typeof updateEncodingSchema>

/** What training took of the grid, and how that is known: counters of the processor (rapl), of an NVIDIA GPU (nvml), or a guess. */
export const energySchema = z.strictObject({
  joules: z.number().min(0).max(1e12),
  source: z.enum(['rapl', 'nvml', 'rapl+nvml', 'estimated']),
})
export type Energy = Readonly<z.infer<typeof energySchema>>

/** A file by its content. `path` is relative, with forward slashes, and never leaves the folder it is put into. */
export const fileSchema = z.strictObject({
  path: z
    .string()
    .max(255)
    .regex(
      /^[A-Za-z0-9_][A-Za-z0-9._@+-]*(\/[A-Za-z0-9_][A-Za-z0-9._@+-]*)*$/,
      'expected a relative path without ..',
    ),
  sha256: sha256Schema,
  sizeBytes: countSchema,
})
export type FileReference = Readonly<z.infer<typeof fileSchema>>
export const filesSchema = z.array(fileSchema).min(1).max(512)

/** Bytes as they come out of a frame: a view of it. */
export const bytesSchema = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes')

const bytesOf = (length: number, what: string) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.byteLength === length, what)
/** A share of a secret of a secure sum, in the clear. */
export const shareSchema = bytesOf(33, 'expected 33 bytes')
/** A share of each secret of an agent, sealed for another one. */
export const sealedSharesSchema = bytesOf(82, 'expected 82 bytes')
