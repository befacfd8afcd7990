import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTokenizer, openTokenizer } from './tokens.js'

const added = (id: number, content: string) => ({ id, content, special: true, normalized: false })
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const model = {
  type: 'BPE',
  vocab: { '<eot>': 0, a: 1, b: 2, c: 3, Ġ: 4, Ċ: 5, ab: 6, Ġab: 7, '<fill>': 8 },
  merges: ['a b', 'Ġ ab'],
}
const definition = {
  added_tokens: [added(0, '<eot>'), added(8, '<fill>')],
  pre_tokenizer: byteLevel,
  decoder: byteLevel,
  model,
}

test('text becomes the merges that the file lists, and comes back the same', () => {
  const tokenizer = createTokenizer(definition)
  expect(tokenizer.encode('abc ab cab\n')).toEqual([6, 3, 7, 4, 3, 6, 5])
  expect(tokenizer.decode([6, 3, 7, 4, 3, 6, 5])).toBe('abc ab cab\n')
  expect(tokenizer.encode('')).toEqual([])
  expect(tokenizer.decode([])).toBe('')
})

test('text that has no tokens is refused where the tokenizer has none for unknown pieces', () => {
  const words = {
    pre_tokenizer: { type: 'Whitespace' },
    model: { type: 'WordLevel', vocab: { sea: 0, whale: 1 } },
  }
  const unknown = { ...words.model, vocab: { ...words.model.vocab, '[UNK]': 2 }, unk_token: '[UNK]' }
  expect(createTokenizer({ ...words, model: unknown }).encode('whale ship')).toEqual([1, 2])
  const tokenizer = createTokenizer({ ...words, model: { ...words.model, unk_token: '[none]' } })
  expect(tokenizer.encode('whale sea')).toEqual([1, 0])
  expect(() => tokenizer.encode('whale ship')).toThrow('expected text that the tokenizer has tokens for')
  expect(() => tokenizer.encodePair('sea', 'ship')).toThrow('expected text that the tokenizer has tokens for')
})

test('special tokens are left out of decoded text unless asked for', () => {
  const tokenizer = createTokenizer(definition)
  expect(tokenizer.decode([6, 0, 3])).toBe('abc')
  expect(tokenizer.decode([6, 0, 3], { specialTokens: true })).toBe('ab<eot>c')
})

test('tokenizer_config.json names the special tokens, as text or as an object', () => {
  const tokenizer = createTokenizer(definition, { eos_token: { content: '<eot>' }, pad_token: '<fill>' })
  expect(tokenizer).toMatchObject({ eosId: 0, bosId: undefined, padId: 8, separator: [0], vocabularySize: 9 })
})

test('without it the ids of config.json count, and the first of several ends', () => {
  expect(createTokenizer(definition, {}, { eos_token_id: [8, 0], bos_token_id: 3 })).toMatchObject({
    eosId: 8,
    bosId: 3,
    padId: 8,
  })
  expect(createTokenizer(definition, { eos_token: '<eot>' }, { eos_token_id: 8 }).eosId).toBe(0)
})

test('a tokenizer without an end of text separates documents by a newline', () => {
  expect(createTokenizer(definition)).toMatchObject({ eosId: undefined, padId: 0, separator: [5] })
})

test('a file that does not say its model is known by its fields', () => {
  const { type: _, ...untyped } = model
  expect(createTokenizer({ ...definition, model: untyped }).encode('abc')).toEqual([6, 3])
  const words = { vocab: { '[UNK]': 0, ab: 1, '##c': 2 }, unk_token: '[UNK]', max_input_chars_per_word: 100 }
  const pieces = createTokenizer({
    added_tokens: [],
    pre_tokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { ...words, continuing_subword_prefix: '##' },
  })
  expect(pieces.encode('abc ab x')).toEqual([1, 2, 1, 0])
})

test('a missing or broken tokenizer is refused with the name of its file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tokens-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'tokenizer.json')
  await expect(openTokenizer(folder)).rejects.toThrow(`${file}: expected a tokenizer beside the model`)
  await writeFile(file, '{"model":')
  await expect(openTokenizer(folder)).rejects.toThrow(`${file}: expected a JSON object`)
  await writeFile(file, '{"version":"1.0"}')
  await expect(openTokenizer(folder)).rejects.toThrow(
    `${file}: expected a tokenizer of the tokenizers library; model expected a vocabulary`,
  )
  await writeFile(file, JSON.stringify(definition))
  await writeFile(join(folder, 'tokenizer_config.json'), '{"eos_token":"<eot>"}')
  expect((await openTokenizer(folder)).separator).toEqual([0])
})

const fixtures = process.env.LORICA_FIXTURES ?? ''
const texts = ["We'll meet  at 12:30,\n\n\tnaïve café!", '日本 😀👩\u200d👧 e\u0301', 'trailing  ']

describe.skipIf(fixtures === '')('tokenizers of real models (set LORICA_FIXTURES to run)', () => {
  test.each([
    [
      'gpt2',
      [
        [1135, 1183, 1826, 50286, 265, 1105, 25, 1270, 11, 628, 197, 2616, 38776, 40304, 0],
        [33768, 98, 17312, 105, 30325, 222, 41840, 102, 447, 235, 41840, 100, 304, 136, 223],
        [9535, 4386, 50286],
      ],
    ],
    [
      'roberta-base',
      [
        [170, 581, 972, 1437, 23, 316, 35, 541, 6, 50140, 50117, 2133, 48350, 26059, 328],
        [47954, 8210, 44636, 11582, 17841, 7471, 31193, 15375, 17, 8384, 31193, 6248, 364, 44025, 10172],
        [9738, 7022, 1437, 1437],
      ],
    ],
  ])('%s gives the ids of the Python library and the text back', async (name, ids) => {
    const tokenizer = await openTokenizer(join(fixtures, 'fixtures/tokenizers', name))
    expect(texts.map((text) => tokenizer.encode(text))).toEqual(ids)
    expect(ids.map((row) => tokenizer.decode(row))).toEqual(texts)
  })
})

test('the tokenizer of an ONNX file lies beside it, or in the folder above', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-tokens-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(definition))
  expect((await openTokenizer(join(folder, 'model.onnx'))).encode('ab c')).toEqual([6, 4, 3])
  expect((await openTokenizer(join(folder, 'onnx', 'model.onnx'))).encode('ab c')).toEqual([6, 4, 3])
  await expect(openTokenizer(join(folder, 'a', 'b', 'model.onnx'))).rejects.toThrow(
    join('b', 'tokenizer.json'),
  )
})
