/**
 * A byte-level BPE tokenizer trained on text, as GPT-2's: any text can be encoded, and decodes to the same bytes.
 * The same text gives the same merges as the Hugging Face `tokenizers` trainer.
 * Papers: https://arxiv.org/abs/1508.07909 and https://openai.com/research/better-language-models
 * @module
 */
import { createPairQueue } from './pair-queue.js'

/** Ends a document. It has id 0. */
export const END_OF_TEXT = '<|endoftext|>'

/** The contents of the files that make a folder's tokenizer. */
export interface TokenizerFiles {
  readonly 'tokenizer.json': string
  readonly 'tokenizer_config.json': string
}

interface Word {
  readonly count: number
  symbols: readonly number[]
}

/** GPT-2's words: contractions, letters, digits or signs with at most one space before them, and runs of white space. */
const wordPattern = /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

/**
 * Trains a tokenizer of `vocabularySize` tokens: the end of text, the 256 bytes, and merges. Fewer when the text has no
 * more pairs to merge. RangeError when the size leaves no room for the bytes.
 */
export function trainTokenizer(texts: Iterable<string>, vocabularySize: number): TokenizerFiles {
  if (!Number.isInteger(vocabularySize) || vocabularySize < 257) {
    throw new RangeError(
      `vocabularySize expected 257 or more (256 bytes and ${END_OF_TEXT}), got ${vocabularySize}`,
    )
  }
  const signs = byteSigns()
  const tokens = [END_OF_TEXT, ...[...signs].sort()]
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const words = countedWords(texts, (byte) => ids.get(signs[byte] as string) as number)
  const merges: string[] = []
  const queue = createPairQueue()
  for (const [index, word] of words.entries()) addPairs(queue, index, word, 1)
  for (let pair = queue.next(); pair !== undefined && ids.size < vocabularySize; pair = queue.next()) {
    const [left, right] = [tokens[pair.left] as string, tokens[pair.right] as string]
    const known = ids.get(left + right)
    const merged = known ?? tokens.push(left + right) - 1
    if (known === undefined) ids.set(left + right, merged)
    merges.push(`${left} ${right}`)
    for (const index of pair.places) {
      const word = words[index] as Word
      addPairs(queue, index, word, -1)
      word.symbols = replaced(word.symbols, pair, merged)
      addPairs(queue, index, word, 1)
    }
  }
  return tokenizerFiles(ids, merges)
}

function addPairs(
  queue: ReturnType<typeof createPairQueue>,
  index: number,
  { count, symbols }: Word,
  sign: 1 | -1,
): void {
  for (let at = 1; at < symbols.length; at++) {
    queue.add(symbols[at - 1] as number, symbols[at] as number, sign * count, index)
  }
}

function replaced(
  symbols: readonly number[],
  { left, right }: { readonly left: number; readonly right: number },
  merged: number,
): readonly number[] {
  const result: number[] = []
  for (let at = 0; at < symbols.length; at++) {
    const isPair = symbols[at] === left && symbols[at + 1] === right
    result.push(isPair ? merged : (symbols[at] as number))
    if (isPair) at++
  }
  return result
}

function countedWords(texts: Iterable<string>, idOf: (byte: number) => number): Word[] {
  const counts = new Map<string, number>()
  for (const text of texts) {
    for (const [word] of text.matchAll(wordPattern)) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return [...counts].map(([word, count]) => ({ count, symbols: Array.from(Buffer.from(word), idOf) }))
}

/** GPT-2's visible sign of each byte: itself where it prints, else the next unused one from U+0100 on. */
function byteSigns(): readonly string[] {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => {
    const prints = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
    return String.fromCodePoint(prints ? byte : next++)
  })
}

function tokenizerFiles(ids: ReadonlyMap<string, number>, merges: readonly string[]): TokenizerFiles {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  const unused = { dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null }
  const definition = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [{ id: 0, content: END_OF_TEXT, ...flags }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      ...unused,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(ids),
      merges,
    },
  }
  const config = {
    bos_token: END_OF_TEXT,
    clean_up_tokenization_spaces: false,
    eos_token: END_OF_TEXT,
    tokenizer_class: 'PreTrainedTokenizerFast',
  }
  return {
    'tokenizer.json': `${JSON.stringify(definition, undefined, 1)}\n`,
    'tokenizer_config.json': `${JSON.stringify(config, undefined, 2)}\n`,
  }
}
