import type { FileReference } from '@lorica/protocol'
import type { JournalEntry } from '../journal/chain.js'
import type { ReleaseName } from '../releases/registry.js'

/** An update that was accepted for a round, or the sum of those of a round. */
export interface KeptUpdate {
  readonly runId: string
  readonly round: number
  readonly sha256: string
}

/** What the journal speaks of and the folder has to have. */
export interface References {
  /** Hashes of the adapters that runs start from and rounds make, and of what optimisers remember with them. */
  readonly blobs: ReadonlySet<string>
  /** Hashes that a blob may have besides: candidates of rounds that were not committed. */
  readonly candidates: ReadonlySet<string>
  readonly updates: readonly KeptUpdate[]
  readonly releases: readonly ReleaseName[]
}

/** Collects what the lines of a journal speak of. Updates that were removed on purpose are not among it. */
export function referencesOf(entries: readonly JournalEntry[]): References {
  const blobs = new Set<string>()
  const candidates = new Set<string>()
  const updates: KeptUpdate[] = []
  const releases: ReleaseName[] = []
  const removed = new Set<string>()
  const states = new Map<string, string>() // of the last candidate of each run
  const addAll = (files: readonly FileReference[], hashes: Set<string>) => {
    for (const { sha256 } of files) hashes.add(sha256)
  }
  for (const { event } of entries) {
    if (event.type === 'run-created' || event.type === 'round-committed') addAll(event.files, blobs)
    if (event.type === 'round-aggregated') {
      addAll([...event.files, ...(event.state === undefined ? [] : [event.state])], candidates)
      if (event.state !== undefined) states.set(event.runId, event.state.sha256)
    }
    if (event.type === 'round-committed' && event.record.verdict === 'released') {
      const state = states.get(event.runId)
      if (state !== undefined) blobs.add(state)
    }
    if (event.type === 'update-accepted')
      updates.push({ runId: event.runId, round: event.round, sha256: event.contribution.updateSha256 })
    if (event.type === 'sum-finished')
      updates.push({ runId: event.runId, round: event.round, sha256: event.file.sha256 })
    if (event.type === 'round-committed' && event.record.release !== null)
      releases.push({ name: event.record.release, id: event.releaseId ?? null })
    if (event.type === 'base-released') releases.push({ name: event.release, id: event.releaseId })
    if (event.type === 'updates-removed') for (const runId of event.runIds) removed.add(runId)
  }
  return { blobs, candidates, updates: updates.filter(({ runId }) => !removed.has(runId)), releases }
}
