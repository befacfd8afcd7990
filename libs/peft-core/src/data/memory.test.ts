import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createTokenizer } from '../train/tokens.js'
import { openCorpus } from './corpus.js'
import { trainingRows } from './row-source.js'

/** A digit a token; a long word is one that is not known. */
const tokenizer = createTokenizer(
  {
    pre_tokenizer: { type: 'Whitespace' },
    model: {
      type: 'WordPiece',
      vocab: Object.fromEntries([...'0123456789?'].map((digit, id) => [digit, id])),
      continuing_subword_prefix: '',
      unk_token: '?',
      max_input_chars_per_word: 20,
    },
  },
  {},
)

/** Bytes that stay in use after a file of so many bytes was read and trained on for a while. */
async function heldBytes(fileBytes: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'memory-'))
  try {
    const path = join(folder, 'a.txt')
    const paragraph = (at: number): string => `${`${at} `.padEnd(2000, 'x')}\n\n`
    const count = Math.ceil(fileBytes / 2000)
    await pipeline(
      Readable.from(
        (function* () {
          for (let at = 0; at < count; at++) yield paragraph(at)
        })(),
      ),
      createWriteStream(path),
    )
    collected()
    const before = collected()
    const corpus = await openCorpus({
      ...{ groups: [[path]], tokenizer, task: 'causal', columns: 16, holdout: 0.1, folder, packs: false },
    })
    let taken = 0
    for (const { inputIds } of trainingRows(corpus.train, { rows: 8, steps: 50, seed: 1, firstStep: 0 }))
      taken += inputIds.length
    expect(taken).toBe(50 * 8 * 16)
    const held = collected() - before
    corpus.close()
    return held
  } finally {
    await rm(folder, { recursive: true })
  }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function collected(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

test('what is held of a file of 100 MB is not much more than of one of 1 MB', async () => {
  const [small, large] = [await heldBytes(1e6), await heldBytes(100e6)]
  expect(large - small).toBeLessThan(12e6) // 50,000 examples, whose index is 12 bytes each, and what is not collected yet
})
