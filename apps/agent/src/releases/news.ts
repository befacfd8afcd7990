/**
 * What a coordinator tells without being asked: who may sign, and what was released.
 * @module
 */
import { asLoricaError, type LoricaError, type Release, type TrustLetter } from '@lorica/protocol'
import { reasonOf, type Tell } from '../report.js'
import type { Releases } from '../store/releases.js'
import type { TrustStore } from '../store/trust.js'

/**
 * Follows roots, and tells of the newest or of why it was refused. `by` is who named the first: the join link, or the coordinator alone.
 * `onForeign` hears of a root that is not the one of the join link: with such a coordinator there is nothing to do.
 */
export function hearRoots(
  letter: TrustLetter,
  trust: TrustStore,
  {
    by,
    tell,
    onForeign,
  }: {
    readonly by: 'link' | 'coordinator'
    readonly tell: Tell
    readonly onForeign: (refusal: LoricaError) => void
  },
): void {
  trust.take(letter).then(
    (root) => {
      if (root === undefined) return
      tell({ event: 'root-trusted', version: root.version, expires: root.expiresAt, by })
    },
    (error) => {
      const refusal = asLoricaError(error)
      if (refusal.code === 'LRC-6112') onForeign(refusal)
      else tell({ event: 'refused', ...reasonOf(refusal) })
    },
  )
}

/** Takes a release, and tells of it or of why it was refused; `onTaken` follows. A refusal after `signal` is not told. */
export function hearRelease(
  release: Release,
  releases: Releases,
  {
    tell,
    signal,
    onTaken,
  }: { readonly tell: Tell; readonly signal: AbortSignal; readonly onTaken: () => void },
): void {
  releases.take(release).then(
    (taken) => {
      if (taken === undefined) return
      const { name, version } = taken.manifest
      const own = taken.personal === null ? {} : { personal: taken.personal }
      tell({ event: 'release-verified', name, version, folder: taken.folder, ...own })
      onTaken()
    },
    (error) => {
      if (!signal.aborted) tell({ event: 'refused', ...reasonOf(asLoricaError(error)) })
    },
  )
}
