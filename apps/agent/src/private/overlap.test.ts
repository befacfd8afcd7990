import { gramHashes, wordsOf } from '@lorica/peft-core'
import { expect, test } from 'vitest'
import { overlapOf } from './overlap.js'

const key = new Uint8Array(32).fill(9)
const nouns = ['ship', 'whale', 'rope', 'mast', 'sail', 'oar', 'net', 'keel', 'tide', 'reef']
/** A text of so many words that are unlike those of other numbers. */
const text = (number: number, words: number): string =>
  Array.from({ length: words }, (_, at) => `${nouns[(number + at) % 10]}${number}x${at}`).join(' ')

function askedFor(texts: readonly string[]) {
  const hashes = texts.map((one) => [...gramHashes(wordsOf(one), key, 13)])
  return {
    key,
    items: hashes.map(({ length }) => length),
    hashes: Uint8Array.from(hashes.flat().flatMap((hash) => [...hash])),
  }
}

const corpusOf = (train: readonly string[], heldOut: readonly string[] = []) => ({
  texts: (part: 'train' | 'heldOut') => (part === 'train' ? train : heldOut),
})

test('a public text is found in training data by 13 of its words, in whatever case and punctuation', async () => {
  const wanted = [text(1, 20), text(2, 20), text(3, 20)]
  const inside = `before, ${text(1, 20).toUpperCase().replaceAll(' ', ' - ')}! and after`
  const twelve = text(2, 20).split(' ').slice(4, 16).join(' ')
  const thirteen = text(3, 20).split(' ').slice(4, 17).join(' ')
  expect(await overlapOf(corpusOf([inside, twelve]), askedFor(wanted))).toMatchObject({ items: 3, found: 1 })
  expect((await overlapOf(corpusOf([inside, thirteen]), askedFor(wanted))).found).toBe(2)
  expect(
    (await overlapOf(corpusOf([inside]), { ...askedFor(wanted), key: key.map((byte) => byte + 1) })).found,
  ).toBe(0)
})

test('held-out examples are looked for in the training data beside them', async () => {
  const train = [text(1, 30), text(2, 30)]
  const heldOut = [text(3, 30), `${text(4, 10)} ${text(2, 14)}`, 'too short', text(5, 13)]
  expect(await overlapOf(corpusOf(train, heldOut), askedFor([]))).toEqual({
    ...{ items: 0, found: 0, heldOut: 3, heldOutFound: 1 },
  })
})

test('texts that have nothing in common are not taken for each other', async () => {
  const wanted = Array.from({ length: 100 }, (_, at) => text(at, 40))
  const train = Array.from({ length: 200 }, (_, at) => text(1000 + at, 60))
  expect((await overlapOf(corpusOf(train), askedFor(wanted))).found).toBe(0)
})
