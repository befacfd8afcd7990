import type { ReleaseManifest } from '../signing/manifest.js'
import type { ReleaseAudit } from './release-audit.js'

/** A release as the operator API shows it: the manifest, and the signed text to verify it with. */
export interface ReleaseView {
  readonly name: string
  readonly id: string // SHA-256 of the signed text
  readonly manifest: ReleaseManifest
  readonly audits?: readonly ReleaseAudit[] // oldest first; none when absent
  readonly signed: { readonly manifest: string; readonly signature: string }
}
