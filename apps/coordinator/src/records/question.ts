import { LoricaError, parseDuration } from '@lorica/protocol'

/** What somebody wants to know of, or to do with, the records of a folder and its store; `store` is a URL, or null for the one in the folder. */
export type Question = { readonly dir: string; readonly store: string | null } & (
  | { readonly verb: 'audit-tail'; readonly lines: number }
  | { readonly verb: 'audit-verify'; readonly contains: string | undefined }
  | { readonly verb: 'trust-prepare' }
  | { readonly verb: 'store-verify' }
  | { readonly verb: 'store-backup'; readonly out: string }
  | { readonly verb: 'store-restore'; readonly from: string }
  | { readonly verb: 'store-gc'; readonly olderThanMs: number | null; readonly isConfirmed: boolean }
)

export const questionUsage = `  trust prepare                makes the keys of a new coordinator whose first root is signed elsewhere, and prints their public parts
  audit tail [--lines N]       the last lines of the journal
  audit verify [--contains H]  whether each line follows from the one before, and H is among their hashes
  store verify                 whether everything is as it was written; also of a backup
  store backup --out B         a copy that needs no database, in the new folder B; the coordinator may run
  store restore --from B       the folder of a coordinator, and its store, from a backup
  store gc [--updates-older-than 30d] [--yes]
                               removes what nothing refers to, and the updates of runs that ended so long ago;
                               without --yes it says what it would remove`

/** The options of questions, as parseArgs of node:util takes them. */
export const questionOptions = {
  lines: { type: 'string', default: '20' },
  contains: { type: 'string' },
  out: { type: 'string' },
  from: { type: 'string' },
  'updates-older-than': { type: 'string' },
  yes: { type: 'boolean', default: false },
} as const

/** What parseArgs made of the options. */
interface Values {
  readonly dir: string
  readonly store?: string | undefined
  readonly lines: string
  readonly contains?: string | undefined
  readonly out?: string | undefined
  readonly from?: string | undefined
  readonly 'updates-older-than'?: string | undefined
  readonly yes: boolean
}

/** Reads a question from the words of a command line; undefined when there are none. Throws LoricaError LRC-8001. */
export function parseQuestion(words: readonly string[], values: Values): Question | undefined {
  if (words.length === 0) return undefined
  const { dir, contains, out, from } = values
  const at = { dir, store: values.store ?? null }
  const verb = words.join('-')
  if (verb === 'audit-tail') return { ...at, verb, lines: countOf(values.lines) }
  if (verb === 'audit-verify') return { ...at, verb, contains }
  if (verb === 'trust-prepare' || verb === 'store-verify') return { ...at, verb }
  if (verb === 'store-backup') return { ...at, verb, out: given('--out', out) }
  if (verb === 'store-restore') return { ...at, verb, from: given('--from', from) }
  if (verb === 'store-gc') {
    const age = values['updates-older-than']
    return { ...at, verb, olderThanMs: age === undefined ? null : ageOf(age), isConfirmed: values.yes }
  }
  throw new LoricaError('LRC-8001', `unexpected argument "${words.join(' ')}"`)
}

function given(name: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value
  throw new LoricaError('LRC-8001', `${name} is missing`, { expected: `${name} FOLDER` })
}

function ageOf(text: string): number {
  try {
    return parseDuration(text)
  } catch (cause) {
    throw new LoricaError('LRC-8001', `--updates-older-than: ${(cause as Error).message}`, { cause })
  }
}

function countOf(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= 1 && value <= 1_000_000) return value
  throw new LoricaError('LRC-8001', `--lines expected a whole number from 1 to 1000000, got "${text}"`)
}
