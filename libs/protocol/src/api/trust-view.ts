import { z } from 'zod'
import { type Root, rootSchema } from '../trust/root.js'
import { type SignedRoot, signedRootSchema } from '../trust/signed-root.js'

/** Who may sign for a fleet, as operators see it. */
export const trustViewSchema = z
  .object({
    root: rootSchema.describe('in force'),
    roots: z.array(signedRootSchema).describe('all of them, oldest first'),
    rootKeysHere: z.array(z.string()).describe('root keys that lie on the machine of the coordinator'),
  })
  .meta({ id: 'TrustView' })
export interface TrustView {
  readonly root: Root
  readonly roots: readonly SignedRoot[]
  readonly rootKeysHere: readonly string[]
}
