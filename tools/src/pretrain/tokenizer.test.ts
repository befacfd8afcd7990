import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTokenizer, type Tokenizer } from '@lorica/peft-core'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { mobyDickParagraphs } from './text.js'
import { END_OF_TEXT, trainTokenizer } from './tokenizer.js'

const small = [
  'low low low low low lower lower newest newest newest newest newest newest widest widest widest',
  'aaaa aaa aaaaaaa',
]

interface Definition {
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: readonly string[] }
}

const trained = (texts: readonly string[], size: number) =>
  (JSON.parse(trainTokenizer(texts, size)['tokenizer.json']) as Definition).model

async function opened(texts: readonly string[], size: number): Promise<Tokenizer> {
  const folder = await mkdtemp(join(tmpdir(), 'tokenizer-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [name, content] of Object.entries(trainTokenizer(texts, size)))
    await writeFile(join(folder, name), content)
  return await openTokenizer(folder)
}

test('merges and ids are those of the Python tokenizers trainer', () => {
  const { vocab, merges } = trained(small, 275)
  expect(merges).toEqual(
    'a a,e s,es t,l o,lo w,e w,n ew,Ġ low,Ġ new,Ġnew est,d est,i dest,w idest,Ġ widest,aa aa,e r,aa a,Ġlow er'.split(
      ',',
    ),
  )
  expect(['!', 'A', 'a', 'Ġ', 'Ċ', 'ł', 'Ń', 'Ġlower'].map((token) => vocab[token])).toEqual([
    1, 33, 65, 221, 199, 255, 256, 274,
  ])
  expect(vocab[END_OF_TEXT]).toBe(0)
})

test('the trained files open, and encode as the Python library does', async () => {
  const tokenizer = await opened(small, 275)
  expect(tokenizer.encode('lowest aaaa 中')).toEqual([261, 259, 221, 271, 221, 161, 117, 256])
  expect(tokenizer).toMatchObject({ eosId: 0, bosId: 0, separator: [0], vocabularySize: 275 })
})

test('any text comes back the same', async () => {
  const tokenizer = await opened(small, 262)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
    }),
  )
})

test('training ends when nothing is left to merge', () => {
  expect(Object.keys(trained(['ab ab'], 5000).vocab)).toHaveLength(257 + 2) // ab, Ġab
  expect(trained([], 300).merges).toEqual([])
})

test('a novel gives a vocabulary of the asked size that shortens it', async () => {
  const paragraphs = mobyDickParagraphs()
  const tokenizer = await opened(paragraphs, 1024)
  expect(tokenizer.vocabularySize).toBe(1024)
  const text = paragraphs.join('\n')
  expect(Buffer.byteLength(text) / tokenizer.encode(text).length).toBeCloseTo(2.726, 3)
})

test('a size without room for the bytes is refused', () => {
  expect(() => trainTokenizer(small, 256)).toThrow('vocabularySize expected 257 or more')
})
