/**
 * What the records of a coordinator say, and what keeps them: the journal and everything it speaks of, in a folder and its store.
 * @module
 */
import { mkdir } from 'node:fs/promises'
import { LoricaError, SOFTWARE } from '@lorica/protocol'
import { chainStart } from '../journal/chain.js'
import { type JournalEntry, readJournal } from '../journal/journal.js'
import { systemRandom } from '../random.js'
import { prepare } from '../releases/first-root.js'
import { claimOfProcess } from '../store/claim.js'
import { systemDisk } from '../store/disk.js'
import { openRecords, openStore, type Records } from '../store/open.js'
import { backUp, checkBackup, readManifest } from './backup.js'
import { findGarbage, type Sweep, sweep } from './gc.js'
import { showProgress } from './progress.js'
import type { Question } from './question.js'
import { restore } from './restore.js'
import { type StoreReport, verifyFolder } from './verify.js'

export interface Answer {
  readonly document: unknown
  readonly lines: readonly string[]
  readonly isGood: boolean
}

type Of<V extends Question['verb']> = Extract<Question, { verb: V }>

const LEASE_MS = 20_000
const disk = systemDisk(systemRandom())

/**
 * Answers a question, or does what it asks for. Throws LoricaError LRC-5001 where the chain of the journal breaks, and LRC-5002 to
 * LRC-5011 when the records cannot be read, kept or moved.
 */
export async function answer(question: Question): Promise<Answer> {
  if (question.verb === 'store-restore') return restored(question)
  if (question.verb === 'trust-prepare') return prepared(question)
  const records = await openRecords(question.dir, question.store)
  try {
    if (question.verb === 'store-verify') return await verified(question, records)
    if (question.verb === 'store-backup') return await backedUp(question, records)
    const { entries, hashes } = await readJournal(records)
    if (question.verb === 'store-gc') return await swept(question, entries)
    if (question.verb === 'audit-tail') return tail(entries.slice(-question.lines))
    return verifyChain(hashes, question.contains)
  } finally {
    await records.close()
  }
}

async function prepared({ dir }: Of<'trust-prepare'>): Promise<Answer> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const { fleet, releaseKey } = await prepare(disk, dir)
  return {
    document: { dir, fleet, releaseKey },
    lines: [
      `fleet        ${fleet}`,
      `release key  ${releaseKey}`,
      'Where the root keys are, with their public parts:',
      `  lorica trust first --fleet ${fleet} --release-key ${releaseKey} --root-key KEY --root-key KEY --root-key KEY --threshold 2 --out root.json`,
      '  lorica trust sign root.json --key FILE',
      'Then, here:',
      `  lorica coordinator --dir ${dir} --root root.json`,
    ],
    isGood: true,
  }
}

async function verified({ dir }: Of<'store-verify'>, records: Records): Promise<Answer> {
  const manifest = await readManifest(disk, dir)
  if (manifest !== undefined) await checkBackup(disk, dir, manifest, showProgress('backup'))
  const reasons = await records.verify()
  const { entries } = await readJournal(records)
  const report: StoreReport = await verifyFolder(disk, dir, entries, showProgress('files'))
  const damage = reasons.map((reason) => ({ path: records.name, kind: 'damaged' as const, reason }))
  const faults = [...damage, ...report.faults]
  const count =
    faults.length === 0
      ? 'everything is as it was written'
      : `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}; lorica store restore makes a folder from a backup`
  return {
    document: { ...report, lines: entries.length, faults },
    lines: [
      ...faults.map(({ kind, path, reason }) => `${kind}: ${path}: ${reason}`),
      `${entries.length} lines and ${report.checked} files checked: ${count}`,
    ],
    isGood: faults.length === 0,
  }
}

async function backedUp({ dir, out }: Of<'store-backup'>, store: Records): Promise<Answer> {
  const createdAt = new Date().toISOString()
  const { lines, hash, files } = await backUp(
    { dir, out, createdAt },
    { disk, store },
    showProgress('backup'),
  )
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  return {
    document: { out, createdAt, software: SOFTWARE, lines, hash, files: files.length, sizeBytes },
    lines: [
      `${out}: ${lines} lines, ${files.length} files, ${sizeBytes} bytes`,
      'It holds the key of the coordinator: keep it as safe as the folder itself.',
    ],
    isGood: true,
  }
}

async function restored({ from, dir, store }: Of<'store-restore'>): Promise<Answer> {
  const destination = {
    dir,
    openStore: (place: string) => openStore(place, store, Date.now),
    claim: claimOfProcess(LEASE_MS),
  }
  const { lines, files, createdAt } = await restore(from, destination, {
    disk,
    progress: showProgress('restore'),
  })
  return {
    document: { dir, lines, files: files.length, createdAt },
    lines: [
      `${dir}: as of ${createdAt}, ${lines} lines, ${files.length} files`,
      'Stop the coordinator that it is a backup of before this one starts: they have the same key.',
    ],
    isGood: true,
  }
}

async function swept(question: Of<'store-gc'>, entries: readonly JournalEntry[]): Promise<Answer> {
  const { dir, isConfirmed, olderThanMs } = question
  const endedBefore = olderThanMs === null ? null : new Date(Date.now() - olderThanMs).toISOString()
  let found: Sweep
  if (isConfirmed) found = await removeGarbage(question, endedBefore)
  else found = await findGarbage(disk, dir, entries, endedBefore)
  const { garbage, runIds } = found
  const sizeBytes = garbage.reduce((sum, file) => sum + file.sizeBytes, 0)
  const what = `${garbage.length} files, ${sizeBytes} bytes`
  const end = isConfirmed
    ? `removed ${what}`
    : `would remove ${what}: add --yes, with the coordinator stopped`
  return {
    document: { removed: isConfirmed, files: garbage, sizeBytes, runs: runIds },
    lines: [...garbage.map(({ path, sizeBytes: size, why }) => `${path}  ${size} bytes, ${why}`), end],
    isGood: true,
  }
}

/** Looks again under the lead, when nobody else writes, and removes what it finds. */
async function removeGarbage(
  { dir, store: url }: Of<'store-gc'>,
  endedBefore: string | null,
): Promise<Sweep> {
  const store = await openStore(dir, url, Date.now)
  try {
    const epoch = await store.lead(claimOfProcess(LEASE_MS))
    try {
      const { entries } = await readJournal(store)
      const found = await findGarbage(disk, dir, entries, endedBefore)
      const place = { disk, dir, store, epoch }
      await sweep(place, found, new Date().toISOString(), showProgress('remove'))
      return found
    } finally {
      await store.release(epoch)
    }
  } finally {
    await store.close()
  }
}

function tail(entries: readonly JournalEntry[]): Answer {
  const lines = entries.map(({ seq, at, event: { type, ...fields } }) => {
    const short = Object.entries(fields).flatMap(([key, value]) =>
      typeof value === 'object' ? [] : [`${key}=${String(value).slice(0, 60)}`],
    )
    return `${String(seq).padStart(6)}  ${at}  ${type}  ${short.join(' ')}`
  })
  return { document: { entries }, lines, isGood: true }
}

/** A chain that is whole may still have been cut at its end: a hash that was noted earlier shows it. */
function verifyChain(hashes: readonly string[], noted: string | undefined): Answer {
  const { length: lines } = hashes
  const hash = hashes.at(-1) ?? chainStart.hash
  if (noted !== undefined && !hashes.includes(noted)) {
    throw new LoricaError(
      'LRC-5001',
      `the journal of ${lines} lines no longer has the line with the hash ${noted}`,
      {
        expected: noted,
        received: `a chain that ends with ${hash}`,
      },
    )
  }
  const next = `note the last hash elsewhere; later: lorica audit verify --contains ${hash}`
  return {
    document: { lines, hash },
    lines: [`${lines} lines, each follows from the one before`, next],
    isGood: true,
  }
}
