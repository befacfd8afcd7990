/**
 * Text to tokens and back, with the tokenizer.json of a Hugging Face folder.
 * Format: https://huggingface.co/docs/tokenizers
 * @module
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'

export interface Tokenizer {
  /** Tokens of a text; with `specialTokens` also those that the model expects around it. */
  encode(text: string, options?: { readonly specialTokens?: boolean }): number[]
  /** The text of tokens; special tokens are left out unless asked for. */
  decode(ids: readonly number[], options?: { readonly specialTokens?: boolean }): string
  /** Ends a text. */
  readonly eosId: number | undefined
  /** Begins a text. */
  readonly bosId: number | undefined
  /** Fills up a short row; the end of a text where the tokenizer names none. */
  readonly padId: number
  /** What to put after each document: the end of a text, or a newline where the tokenizer has none. */
  readonly separator: readonly number[]
  /** One more than the greatest id: the rows that the model's embedding needs at least. */
  readonly vocabularySize: number
}

type Fields = Readonly<Record<string, unknown>>

/** Names that tokenizers give these tokens, for a folder that says nothing about them. */
const usualNames = {
  eos: ['</s>', '<|endoftext|>', '<|end_of_text|>', '<|eot_id|>', '<|im_end|>', '<eos>', '[SEP]'],
  bos: ['<s>', '<|begin_of_text|>', '<bos>', '<|endoftext|>', '[CLS]'],
  pad: ['<pad>', '<|pad|>', '[PAD]', '<|finetune_right_pad_id|>'],
} as const

/** The parts that a file may leave out. */
const noParts = {
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
}

/**
 * Opens the tokenizer of a model: tokenizer.json in its folder, and tokenizer_config.json where there is one; that of an
 * ONNX file lies beside it, or in the folder above. RangeError names the file when it is missing, is no JSON, or asks for
 * a tokenizer that is not supported.
 */
export async function openTokenizer(model: string): Promise<Tokenizer> {
  const folder = folderOf(model)
  const file = join(folder, 'tokenizer.json')
  const definition = await readJson(file)
  if (definition === undefined) {
    throw new RangeError(
      `${file}: expected a tokenizer beside the model; save it with tokenizer.save_pretrained(folder)`,
    )
  }
  const config = (await readJson(join(folder, 'tokenizer_config.json'))) ?? {}
  const modelConfig = (await readJson(join(folder, 'config.json'))) ?? {}
  try {
    return createTokenizer(definition, config, modelConfig)
  } catch (cause) {
    throw new RangeError(
      `${file}: expected a tokenizer of the tokenizers library; ${(cause as Error).message}`,
      { cause },
    )
  }
}

function folderOf(model: string): string {
  if (!model.endsWith('.onnx')) return model
  const folders = [dirname(model), dirname(dirname(resolve(model)))]
  return folders.find((folder) => existsSync(join(folder, 'tokenizer.json'))) ?? dirname(model)
}

/**
 * A tokenizer from the decoded contents of tokenizer.json, tokenizer_config.json and the model's config.json. The ids of
 * special tokens come from the second, else the third, else from the names that are usual.
 */
export function createTokenizer(
  definition: Fields,
  config: Fields = {},
  modelConfig: Fields = {},
): Tokenizer {
  const tokenizer = new HuggingFaceTokenizer(
    { ...noParts, ...definition, model: typedModel(definition.model) },
    config,
  )
  const cleanUp = config.clean_up_tokenization_spaces === true
  const idOf = (kind: keyof typeof usualNames): number | undefined => {
    const stated = tokenText(config[`${kind}_token`])
    if (stated !== undefined) return tokenizer.token_to_id(stated)
    const [id] = [modelConfig[`${kind}_token_id`]].flat() // Llama 3 lists several ends
    if (typeof id === 'number' && tokenizer.id_to_token(id) !== undefined) return id
    return usualNames[kind].map((name) => tokenizer.token_to_id(name)).find((id) => id !== undefined)
  }
  const [eosId, bosId] = [idOf('eos'), idOf('bos')]
  const encode: Tokenizer['encode'] = (text, options) =>
    tokenizer.encode(text, { add_special_tokens: options?.specialTokens ?? false }).ids
  let vocabularySize = 0
  for (const id of tokenizer.get_vocab(true).values()) vocabularySize = Math.max(vocabularySize, id + 1)
  return {
    encode,
    decode(ids, options) {
      if (ids.length === 0) return ''
      const skip = !(options?.specialTokens ?? false)
      return tokenizer.decode([...ids], { skip_special_tokens: skip, clean_up_tokenization_spaces: cleanUp })
    },
    eosId,
    bosId,
    padId: idOf('pad') ?? eosId ?? 0,
    separator: eosId === undefined ? encode('\n') : [eosId],
    vocabularySize,
  }
}

/** Files of the first releases do not say which model they hold; it shows in the fields, as the Rust library finds it. */
function typedModel(model: unknown): Fields {
  const fields = (typeof model === 'object' && model !== null ? model : {}) as Fields
  if (typeof fields.vocab !== 'object' || fields.vocab === null)
    throw new RangeError('model expected a vocabulary, got none')
  if (typeof fields.type === 'string') return fields
  if (Array.isArray(fields.merges)) return { ...fields, type: 'BPE' }
  if ('max_input_chars_per_word' in fields) return { ...fields, type: 'WordPiece' }
  if (Array.isArray(fields.vocab)) return { ...fields, type: 'Unigram' }
  throw new RangeError('model.type expected BPE, WordPiece or Unigram, got none')
}

/** A token of tokenizer_config.json is its text, or an object that has it as content. */
function tokenText(token: unknown): string | undefined {
  const text = typeof token === 'object' && token !== null ? (token as Fields).content : token
  return typeof text === 'string' ? text : undefined
}

async function readJson(path: string): Promise<Fields | undefined> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return undefined
    throw cause
  })
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
    throw new SyntaxError('it is no object')
  } catch (cause) {
    throw new RangeError(`${path}: expected a JSON object; ${(cause as Error).message}`, { cause })
  }
}
