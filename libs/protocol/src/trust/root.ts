import { z } from 'zod'
import { LoricaError } from '../errors/lorica-error.js'
import { positiveSchema, publicKeySchema } from '../messages/field.js'
import { readMessage } from '../messages/message.js'
import { canonicalJson } from '../signing/canonical-json.js'

const keysSchema = z.array(publicKeySchema)

/**
 * Who may sign for a fleet, as of one version. `threshold` of `rootKeys`, which are kept away from the network, sign each root; a
 * key of `releaseKeys`, which the coordinator has at hand, signs what is released. After The Update Framework,
 * https://theupdateframework.github.io/specification/latest/#file-formats-root
 */
export const rootSchema = z
  .strictObject({
    kind: z.literal('root'),
    schema: z.literal(1),
    fleet: publicKeySchema, // the key of its coordinator: a root is for one fleet only
    version: positiveSchema, // 1, 2, ... without holes
    rootKeys: keysSchema.min(1).max(16),
    threshold: positiveSchema, // signatures by different root keys that a root needs
    releaseKeys: keysSchema.min(1).max(8),
    revokedKeys: keysSchema.max(128), // nothing that they signed is trusted again, whenever it was
    issuedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(), // nothing new is taken under it from then on
  })
  .refine(({ rootKeys, threshold }) => threshold <= rootKeys.length, {
    path: ['threshold'],
    error: 'expected at most as many as there are root keys',
  })
  .refine(
    ({ rootKeys, releaseKeys, revokedKeys }) => {
      const keys = [...rootKeys, ...releaseKeys, ...revokedKeys]
      return new Set(keys).size === keys.length
    },
    { path: ['rootKeys'], error: 'expected each key once, as a root key, a release key or a revoked one' },
  )
export type Root = Readonly<z.infer<typeof rootSchema>>

/** The text of a root that is signed. */
export function textOfRoot(root: Root): string {
  return canonicalJson(rootSchema.parse(root))
}

/** Reads the text of a root, whoever signed it. Throws LoricaError LRC-6103. */
export function parseRoot(text: string): Root {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (cause) {
    throw new LoricaError('LRC-6103', 'root: expected JSON', { cause })
  }
  const root = readMessage(rootSchema, 'root', raw, 'LRC-6103')
  if (canonicalJson(root) === text) return root
  throw new LoricaError('LRC-6103', 'root: expected canonical JSON, received other JSON')
}
