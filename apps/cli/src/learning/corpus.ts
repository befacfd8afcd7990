/**
 * Text files as windows of tokens, split into what is trained on and what is held out.
 * @module
 */
import { packWindows, readDocuments, splitHoldout, type Tokenizer, type Windows } from '@lorica/peft-core'
import { withCode } from './errors.js'

export interface Corpus {
  readonly train: Windows
  /** One entry a file, in the order given: held-out text stays apart by origin, so that it can be weighed evenly. */
  readonly heldOut: readonly Windows[]
}

/** Reads the files; each is split on its own, the same way wherever it is read. */
export async function readCorpus(
  files: readonly string[],
  tokenizer: Tokenizer,
  columns: number,
  holdout: number,
): Promise<Corpus> {
  const documents = await Promise.all(files.map((file) => withCode('LRC-6001', () => readDocuments(file))))
  const parts = documents.map((of) => splitHoldout(of, holdout))
  const windows = (texts: readonly string[]): Windows =>
    packWindows(
      texts.map((text) => tokenizer.encode(text)),
      { columns, separator: tokenizer.separator, padId: tokenizer.padId },
    )
  return {
    train: windows(parts.flatMap((part) => part.train)),
    heldOut: holdout === 0 ? [] : parts.map((part) => windows(part.heldOut)),
  }
}
