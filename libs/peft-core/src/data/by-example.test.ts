import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TokenBatch } from '../train/batch.js'
import { createSecretRandom } from '../train/secret-random.js'
import { openTokenizer } from '../train/tokens.js'
import { type CorpusOptions, openCorpus } from './corpus.js'

const tokenizer = await openTokenizer(fileURLToPath(new URL('../../../../models/moby-dick', import.meta.url)))

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'by-example-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function corpusOf(name: string, text: string, more: Partial<CorpusOptions> = {}) {
  const file = join(folder, name)
  await writeFile(file, text)
  const options = { groups: [[file]], tokenizer, task: 'causal', columns: 8, holdout: 0, folder } as const
  return await openCorpus({ ...options, packs: true, isByExample: true, ...more })
}

const textsOf = ({ inputIds, attentionMask, rows, columns }: TokenBatch): readonly string[] =>
  Array.from({ length: rows }, (_, row) => {
    const [from, to] = [row * columns, (row + 1) * columns]
    return tokenizer.decode(
      [...inputIds.subarray(from, to)].filter((_, at) => attentionMask[from + at] === 1),
    )
  })

test('each document is a row of its own, and of a long one any stretch may be', async () => {
  const long = 'one two three four five six seven eight nine ten eleven twelve'
  const corpus = await corpusOf('a.txt', `A whale.\n\n${long}`)
  const { train } = corpus
  expect(train.count).toBe(2)
  const random = createSecretRandom()
  const seen = new Set<string>()
  for (let turn = 0; turn < 200; turn++) {
    const rows = [0, 1].map((index) => train.example?.(index, random) ?? [])
    const [short, stretch] = textsOf(train.batch(rows, { seed: 0, stream: '' })) as [string, string]
    expect(short).toContain('A whale.')
    expect(`${long}\n`).toContain(stretch.trim())
    seen.add(stretch)
  }
  const tokens = tokenizer.encode(long).length + tokenizer.separator.length
  expect(seen.size).toBe(tokens - 8 + 1) // every stretch of eight tokens came
  corpus.close()
})

test('one document more moves no other one between the parts', async () => {
  const documents = Array.from({ length: 300 }, (_, at) => `The ship ${at} sails to the sea ${at * 7}.`)
  const split = async (name: string, texts: readonly string[]) => {
    const corpus = await corpusOf(name, texts.join('\n\n'), { columns: 64, holdout: 0.2 })
    const { train } = corpus
    const rows = Array.from({ length: train.count }, (_, index) => [index, 0])
    const kept = textsOf(train.batch(rows, { seed: 0, stream: '' })).map((text) => text.trim())
    corpus.close()
    return new Set(kept)
  }
  const whole = await split('whole.txt', documents)
  const [gone = ''] = whole
  const less = await split(
    'less.txt',
    documents.filter((text) => !gone.includes(text)),
  )
  expect([...whole].filter((text) => !less.has(text))).toEqual([gone])
  expect([...less].filter((text) => !whole.has(text))).toEqual([])
  expect(whole.size).toBeGreaterThan(200)
  expect(whole.size).toBeLessThan(270)
})

test('examples never share a row, and a record of several examples is refused', async () => {
  const pairs = [1, 2, 3].map((at) => JSON.stringify({ prompt: `count ${at}`, completion: ' on' }))
  const corpus = await corpusOf('a.jsonl', pairs.join('\n'), { columns: 64 })
  expect(corpus.train.batch([[0], [1]], { seed: 0, stream: '' }).rows).toBe(2)
  expect(corpus.train.example?.(2, createSecretRandom())).toEqual([2])
  corpus.close()
  const record = { instruction: 'count', instances: [{ output: 'one' }, { output: 'two' }] }
  await expect(corpusOf('b.jsonl', JSON.stringify(record), { columns: 64 })).rejects.toThrow(
    /b\.jsonl:1: expected a record of one example, .* got 2/,
  )
})

test('masked words are refused: which are hidden depends on the batch', async () => {
  await expect(corpusOf('a.txt', 'A whale.\n\nA ship.', { task: 'masked' })).rejects.toThrow(/masked words/)
})
