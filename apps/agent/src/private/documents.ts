import { stat } from 'node:fs/promises'
import { countDocuments } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'

/** The least that can be divided into text to train on and text to measure on. */
const FEWEST_DOCUMENTS = 2

/**
 * How many documents or records the files have that the owner of the machine gave; none is kept. Throws LRC-6001 for a
 * file that is missing, unreadable or not UTF-8 text, LRC-6002 when there is too little.
 */
export async function countPrivate(paths: readonly string[]): Promise<number> {
  let count = 0
  for (const path of paths) count += await countOf(path)
  if (count >= FEWEST_DOCUMENTS) return count
  throw new LoricaError('LRC-6002', `${paths.join(', ')}: too little text`, {
    expected: `at least ${FEWEST_DOCUMENTS} paragraphs, with an empty line between them`,
    received: `${count}`,
  })
}

async function countOf(path: string): Promise<number> {
  try {
    if (!(await stat(path)).isFile()) throw new RangeError('expected a file, got something else')
    return await countDocuments(path)
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
