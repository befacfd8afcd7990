import { join, sep } from 'node:path'
import type { JournalEntry } from '../journal/chain.js'
import { openJournal } from '../journal/journal.js'
import { preparedPath } from '../releases/registry.js'
import type { Disk } from '../store/disk.js'
import { diskError } from '../store/disk-error.js'
import type { Store } from '../store/store.js'
import { updatePath } from '../store/updates.js'
import type { Progress } from './progress.js'
import { referencesOf } from './references.js'
import { filesBelow } from './walk.js'

/** A file that nothing needs. */
export interface Garbage {
  readonly path: string // relative to the folder
  readonly sizeBytes: number
  readonly why: string
}

/** What a folder could do without. */
export interface Sweep {
  readonly garbage: readonly Garbage[]
  readonly runIds: readonly string[] // ended runs whose accepted updates go
}

/**
 * Finds what the journal does not speak of: blobs, updates, releases that were never committed, temporary files, and uploads that no seat waits for;
 * and the accepted updates of runs that ended before `endedBefore` (ISO 8601), if it is given. Removes nothing.
 */
export async function findGarbage(
  disk: Disk,
  dir: string,
  entries: readonly JournalEntry[],
  endedBefore: string | null,
): Promise<Sweep> {
  const { blobs, candidates, updates, releases } = referencesOf(entries)
  const runIds =
    endedBefore === null ? [] : endedRuns(entries, endedBefore, new Set(updates.map(({ runId }) => runId)))
  const kept = new Set(
    updates
      .filter(({ runId }) => !runIds.includes(runId))
      .map(({ runId, round, sha256 }) => updatePath('updates', runId, round, sha256)),
  )
  const dropped = new Set(
    updates.map(({ runId, round, sha256 }) => updatePath('updates', runId, round, sha256)),
  )
  const seats = openAssignments(entries)
  const names = new Set(
    releases.flatMap(({ name, id }) => [name, ...(id === null ? [] : [preparedPath('', name, id)])]),
  )
  const reasonOf = (path: string): string | undefined => {
    const [folder, ...rest] = path.split(sep)
    const name = rest.at(-1) ?? ''
    if (path.endsWith('.tmp')) return 'a temporary file that a crash left'
    if (folder === 'blobs')
      return blobs.has(name) || candidates.has(name) ? undefined : 'no line speaks of it'
    if (folder === 'staging')
      return [...seats].some((id) => name.startsWith(`${id}-`)) ? undefined : 'no seat waits for it'
    if (folder === 'releases')
      return names.has(rest[0] ?? '') ? undefined : 'a release that was not committed'
    if (folder !== 'updates' || kept.has(path)) return undefined
    return dropped.has(path) ? `its run ended before ${endedBefore}` : 'no line speaks of it'
  }
  const garbage: Garbage[] = []
  for (const path of await filesBelow(disk, dir)) {
    const why = reasonOf(path)
    if (why !== undefined) garbage.push({ path, sizeBytes: (await disk.sizeOf(join(dir, path))) ?? 0, why })
  }
  return { garbage, runIds }
}

/** Removes what was found. That updates go is written down first, so that nobody misses them later. Takes the lead meanwhile. */
export async function sweep(
  {
    disk,
    dir,
    store,
    epoch,
  }: { readonly disk: Disk; readonly dir: string; readonly store: Store; readonly epoch: number },
  { garbage, runIds }: Sweep,
  at: string,
  progress: Progress,
): Promise<void> {
  if (runIds.length > 0) {
    const { journal } = await openJournal(store, epoch, { after: () => () => undefined })
    journal.append({ type: 'updates-removed', runIds }, at)
    await journal.flush()
  }
  for (const [index, { path }] of garbage.entries()) {
    await disk.remove(join(dir, path)).catch((error: unknown) => Promise.reject(diskError(error, path)))
    progress(index + 1, garbage.length)
  }
}

function endedRuns(
  entries: readonly JournalEntry[],
  endedBefore: string,
  withUpdates: ReadonlySet<string>,
): readonly string[] {
  return entries.flatMap(({ at, event }) =>
    event.type === 'run-ended' && at < endedBefore && withUpdates.has(event.runId) ? [event.runId] : [],
  )
}

/** Assignments of runs that have not ended: their uploads may go on. */
function openAssignments(entries: readonly JournalEntry[]): ReadonlySet<string> {
  const ended = new Set(entries.flatMap(({ event }) => (event.type === 'run-ended' ? [event.runId] : [])))
  const seats = entries.flatMap(({ event }) => {
    if (event.type === 'round-planned' && !ended.has(event.runId)) return event.seats
    return event.type === 'agent-invited' && !ended.has(event.runId) ? [event.seat] : []
  })
  return new Set(seats.map(({ assignmentId }) => assignmentId))
}
