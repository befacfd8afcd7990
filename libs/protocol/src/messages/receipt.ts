import { z } from 'zod'
import { countSchema, sha256Schema } from './field.js'

/** The coordinator's word that an update is checked, safe on disk, and part of its round. */
export const receiptSchema = z.strictObject({
  updateSha256: sha256Schema,
  round: countSchema,
  acceptedAt: z.iso.datetime(),
})
export type Receipt = Readonly<z.infer<typeof receiptSchema>>
