import { stat } from 'node:fs/promises'
import { readDocuments } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'

/** The least that can be divided into text to train on and text to measure on. */
const FEWEST_DOCUMENTS = 2

/**
 * The documents (paragraphs) of the files that the owner of the machine gave. They stay in this process.
 * Throws LRC-6001 for a file that is missing, unreadable or not UTF-8 text, LRC-6002 when there is too little text.
 * Messages name files and counts, never a word of what is in them.
 */
export async function readTexts(paths: readonly string[]): Promise<readonly string[]> {
  const documents: string[] = []
  for (const path of paths) for (const document of await readText(path)) documents.push(document)
  if (documents.length >= FEWEST_DOCUMENTS) return documents
  throw new LoricaError('LRC-6002', `${paths.join(', ')}: too little text`, {
    expected: `at least ${FEWEST_DOCUMENTS} paragraphs, with an empty line between them`,
    received: `${documents.length}`,
  })
}

async function readText(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isFile()) throw new RangeError('expected a file, got something else')
    return await readDocuments(path)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : withoutContent(message, path)
    throw new LoricaError('LRC-6001', `${path}: ${reason}`, {
      expected: 'a file of UTF-8 text',
      received: reason,
    })
  }
}

/** Readers quote what they stumbled over; that is private. */
function withoutContent(message: string, path: string): string {
  return message
    .replace(/, got [\s\S]*$/, '')
    .replace(`${path}: `, '')
    .replace(`${path}:`, 'line ')
}
