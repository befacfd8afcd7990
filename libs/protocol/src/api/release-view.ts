import { z } from 'zod'
import { proofSchema, type Release } from '../messages/release.js'
import { type ReleaseManifest, releaseManifestSchema } from '../signing/manifest.js'
import { releaseAuditSchema } from './release-audit.js'
import type { Shown } from './shown.js'

/** A release as the operator API shows it: the manifest, and the signed text to verify it with. */
export const releaseViewSchema = z
  .object({
    name: z.string(),
    id: z.string().describe('SHA-256 of the signed text'),
    manifest: releaseManifestSchema,
    audits: z.exactOptional(z.array(releaseAuditSchema)).describe('oldest first; none when absent'),
    signed: z.object({
      manifest: z.string(),
      signature: z.string().describe('by the coordinator'),
      proof: proofSchema.optional().describe('by the release key in force'),
    }),
  })
  .meta({ id: 'ReleaseView' })
export type ReleaseView = Omit<Shown<typeof releaseViewSchema>, 'manifest' | 'signed'> & {
  readonly manifest: ReleaseManifest
  readonly signed: Release
}
