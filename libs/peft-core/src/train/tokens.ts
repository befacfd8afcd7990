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
  /** Two texts as the model expects them, with the segment of each token. */
  encodePair(
    text: string,
    pair: string,
  ): { readonly ids: readonly number[]; readonly typeIds: readonly number[] }
  /** The text of tokens; special tokens are left out unless asked for. */
  decode(ids: readonly number[], options?: { readonly specialTokens?: boolean }): string
  /** Ends a text. */
  readonly eosId: number | undefined
  /** Begins a text. */
  readonly bosId: number | undefined
  /** Fills up a short row; the end of a text where the tokenizer names none. */
  readonly padId: number
  /** Stands for a hidden word. */
  readonly maskId: number | undefined
  /** Tokens that are no part of a text. */
  readonly specialIds: ReadonlySet<number>
  /** Texts of special tokens by their names in chat templates, such as `bos_token`. */
  readonly specialTokens: Readonly<Record<string, string>>
  /** The source of the template for conversations. */
  readonly chatTemplate: string | undefined
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
  mask: ['[MASK]', '<mask>'],
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
  const template = await readFile(join(folder, 'chat_template.jinja'), 'utf8').catch(() => undefined)
  try {
    const chat = template === undefined ? {} : { chat_template: template }
    return createTokenizer(definition, { ...config, ...chat }, modelConfig)
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
  const unknown = tokenText((definition.model as Fields | undefined)?.unk_token)
  const unknownId = unknown === undefined ? undefined : tokenizer.token_to_id(unknown)
  const encode: Tokenizer['encode'] = (text, options) =>
    known(tokenizer.encode(text, { add_special_tokens: options?.specialTokens ?? false }), unknownId)
  const hasSegments = (definition.post_processor as Fields | null | undefined)?.type !== 'RobertaProcessing'
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
    encodePair(text, pair) {
      const encoded = tokenizer.encode(text, { text_pair: pair, return_token_type_ids: true })
      const ids = known(encoded, unknownId)
      const { token_type_ids: typeIds } = encoded
      return { ids, typeIds: hasSegments ? typeIds : ids.map(() => 0) }
    },
    maskId: idOf('mask'),
    specialIds: new Set(
      [...tokenizer.get_added_tokens_decoder()].filter(([, { special }]) => special).map(([id]) => id),
    ),
    specialTokens: specialTokens(config),
    chatTemplate: chatTemplateOf(config.chat_template),
    separator: eosId === undefined ? encode('\n') : [eosId],
    vocabularySize,
  }
}

/**
 * The ids of a text, with `unknownId` for pieces that have none. RangeError names the first piece when the tokenizer has no
 * token for unknown ones.
 */
function known(
  { ids, tokens }: { readonly ids: readonly number[]; readonly tokens: readonly string[] },
  unknownId: number | undefined,
): number[] {
  return ids.map((id, index) => {
    const found = Number.isInteger(id) ? id : unknownId
    if (found !== undefined) return found
    throw new RangeError(
      `expected text that the tokenizer has tokens for, got ${JSON.stringify(tokens[index])}, for which it has none`,
    )
  })
}

function specialTokens(config: Fields): Readonly<Record<string, string>> {
  const texts = Object.entries(config).flatMap(([name, token]) => {
    const text = name.endsWith('_token') ? tokenText(token) : undefined
    return text === undefined ? [] : [[name, text] as const]
  })
  return Object.fromEntries(texts)
}

/** A template, or the one named `default` of several. */
function chatTemplateOf(template: unknown): string | undefined {
  if (typeof template === 'string') return template
  if (!Array.isArray(template)) return undefined
  const named = template.find((one: Fields) => one?.name === 'default') as Fields | undefined
  return typeof named?.template === 'string' ? named.template : undefined
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
