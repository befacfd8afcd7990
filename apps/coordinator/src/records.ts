/**
 * What the records of a coordinator say, read from its folder: the journal and everything it speaks of.
 * @module
 */
import { LoricaError } from '@lorica/protocol'
import { type JournalEntry, readJournal } from './journal.js'
import { chainStart } from './journal-chain.js'
import { openRecords } from './store/open.js'
import { type StoreReport, verifyStore } from './store/verify.js'

/** A question about the records of a folder. */
export type Question =
  | { readonly verb: 'audit-tail'; readonly dir: string; readonly lines: number }
  | { readonly verb: 'audit-verify'; readonly dir: string; readonly contains: string | undefined }
  | { readonly verb: 'store-verify'; readonly dir: string }

export interface Answer {
  readonly document: unknown
  readonly lines: readonly string[]
  readonly isGood: boolean
}

/** Answers a question. Throws LoricaError LRC-5001 where the chain of the journal breaks, LRC-5004 when it cannot be read. */
export async function answer(question: Question): Promise<Answer> {
  const store = await openRecords(question.dir)
  try {
    const { entries, hashes } = await readJournal(store)
    if (question.verb === 'audit-tail') return tail(entries.slice(-question.lines))
    if (question.verb === 'audit-verify') return verifyChain(hashes, question.contains)
    return verified(await verifyStore(question.dir, entries))
  } finally {
    await store.close()
  }
}

function verified(report: StoreReport): Answer {
  const faults = report.faults.map(({ kind, path: file, reason }) => `${kind}: ${file}: ${reason}`)
  const count = faults.length === 0 ? 'everything is as it was written' : `${faults.length} faults`
  return {
    document: report,
    lines: [...faults, `${report.checked} files checked: ${count}`],
    isGood: faults.length === 0,
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
