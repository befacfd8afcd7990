import { z } from 'zod'
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
    signed: z.object({ manifest: z.string(), signature: z.string() }),
  })
  .meta({ id: 'ReleaseView' })
export type ReleaseView = Omit<Shown<typeof releaseViewSchema>, 'manifest'> & {
  readonly manifest: ReleaseManifest
}
