/**
 * What the training data of this machine has in common with texts that it is not to have: whole runs of words, looked up by keyed
 * hashes. Counts leave, and nothing of any text.
 * @module
 */
import { setImmediate } from 'node:timers/promises'
import { type Corpus, gramHashes, hashKey, hashList, wordsOf } from '@lorica/peft-core'
import { OVERLAP_WORDS, type Probed, type Probes } from '@lorica/protocol'

export type Asked = NonNullable<Probes['overlap']>
export type Overlap = NonNullable<Probed['overlap']>

const SLICE_MS = 20

/** Looks every run of 13 words of the training examples up. Memory grows with the texts that are looked for and with the held-out examples, not with the training data. */
export async function overlapOf(
  corpus: Pick<Corpus, 'texts'>,
  { key, items, hashes }: Asked,
): Promise<Overlap> {
  const textsOf = new Map<string, number[]>() // by hash: the public texts that have it, and after them the held-out examples
  const add = (hash: Uint8Array, text: number): void => {
    const known = textsOf.get(hashKey(hash))
    if (known === undefined) textsOf.set(hashKey(hash), [text])
    else if (known.at(-1) !== text) known.push(text)
  }
  const list = hashList(hashes)
  let first = 0
  for (const [text, count] of items.entries()) {
    for (const hash of list.slice(first, first + count)) add(hash, text)
    first += count
  }
  let heldOut = 0
  for (const text of corpus.texts('heldOut')) {
    const grams = [...gramHashes(wordsOf(text), key, OVERLAP_WORDS)]
    for (const hash of grams) add(hash, items.length + heldOut)
    if (grams.length > 0) heldOut++
  }
  const found = new Set<number>()
  let sinceMs = performance.now()
  for (const text of corpus.texts('train')) {
    for (const hash of gramHashes(wordsOf(text), key, OVERLAP_WORDS))
      for (const one of textsOf.get(hashKey(hash)) ?? []) found.add(one)
    if (performance.now() - sinceMs < SLICE_MS) continue
    await setImmediate() // whoever else lives in this process gets its turn
    sinceMs = performance.now()
  }
  const isPublic = (text: number): boolean => text < items.length
  return {
    items: items.length,
    found: [...found].filter(isPublic).length,
    heldOut,
    heldOutFound: [...found].filter((text) => !isPublic(text)).length,
  }
}
