/**
 * What feeds each input of an exported model: an array of the batch, a value that follows from the batch's size, or
 * nothing, as of a cache of past keys and values.
 * @module
 */
import { type Element, intOf, sizeOf } from '../graph/graph.js'
import { OnnxError } from '../graph/onnx-error.js'
import type { OnnxModel, OnnxValue } from '../graph/onnx-model.js'
import type { Constant } from '../operators/operator.js'
import type { BatchSize, ImageSize } from '../train/batch.js'

export interface InputPlan {
  readonly shape: readonly number[]
  /** The array of a batch that feeds it, under the name it has there. */
  readonly feed?: string
  readonly constant?: Constant
}

/** The names that exporters have for the arrays of a batch, besides the arrays' own. */
const synonyms: Readonly<Record<string, string>> = {
  input_ids: 'input_ids',
  input_word_ids: 'input_ids',
  attention_mask: 'attention_mask',
  input_mask: 'attention_mask',
  token_type_ids: 'token_type_ids',
  segment_ids: 'token_type_ids',
  input_type_ids: 'token_type_ids',
  position_ids: 'position_ids',
  pixel_values: 'pixel_values',
}

/** What the batch's array is that feeds an input of this name; undefined when the name says nothing. */
function feedOf({ name }: OnnxValue): string | undefined {
  const plain = name.replace(/^inputs?_(?=input_|attention_|token_|position_)/, '').replace(/:\d+$/, '')
  return Object.hasOwn(synonyms, plain) ? synonyms[plain] : undefined
}

/** The sizes that a model is fixed to; a side is undefined when any number will do. */
export function fixedSize(model: OnnxModel): Partial<BatchSize> {
  const [rows, columns] = tokensOf(model)?.sides ?? imagesOf(model)?.sides ?? []
  return {
    ...(typeof rows === 'number' ? { rows } : {}),
    ...(typeof columns === 'number' && tokensOf(model) !== undefined ? { columns } : {}),
  }
}

/** How every input of a model is fed, by its name. OnnxError `unsupported` for one that a batch has nothing for. */
export function planInputs(model: OnnxModel, size: BatchSize): ReadonlyMap<string, InputPlan> {
  const [tokens, images] = [tokensOf(model), imagesOf(model)]
  return new Map(
    model.inputs.map((input) => {
      const feed = input === tokens ? 'input_ids' : input === images ? 'pixel_values' : feedOf(input)
      const plan =
        (feed === undefined ? undefined : fedPlan(input, feed, model, size)) ??
        pastPlan(input, size) ??
        sizePlan(input, size)
      if (plan === undefined) throw noFeed(input)
      return [input.name, plan] as const
    }),
  )
}

/** The input for tokens: the one with their name, or else the only input of whole numbers. */
function tokensOf({ inputs }: OnnxModel): OnnxValue | undefined {
  const named = inputs.find((input) => feedOf(input) === 'input_ids')
  if (named !== undefined) return named
  const matrices = inputs.filter(
    (input) => feedOf(input) === undefined && !isPast(input) && isInteger(input) && input.sides?.length === 2,
  )
  return matrices.length === 1 && imagesOf({ inputs }) === undefined ? matrices[0] : undefined
}

/** The input for images: the one with their name, or else a model's only input, if it is of floating numbers. */
function imagesOf({ inputs }: Pick<OnnxModel, 'inputs'>): OnnxValue | undefined {
  const named = inputs.find((input) => feedOf(input) === 'pixel_values')
  if (named !== undefined) return named
  const [only, ...others] = inputs
  const rank = only?.sides?.length ?? 0
  const isImage = rank === 4 || rank === 2
  return others.length === 0 && only?.element === 'float32' && isImage ? only : undefined
}

const isInteger = ({ element }: OnnxValue): boolean => element === 'int64' || element === 'int32'

const isPast = ({ name }: OnnxValue): boolean => /past|(?:^|[._])cache(?:[._]|$)/.test(name)

function fedPlan(input: OnnxValue, feed: string, model: OnnxModel, size: BatchSize): InputPlan {
  const { rows, columns } = size
  if (feed === 'pixel_values') return { shape: [rows, ...featuresOf(input, model, size.image)], feed }
  const [first] = input.sides ?? []
  const isShared = feed === 'position_ids' && (input.sides?.length === 1 || (first === 1 && rows > 1))
  if (!isShared) return { shape: [rows, columns], feed }
  const shape = input.sides?.length === 1 ? [columns] : [1, columns]
  return { shape, constant: counting(shape) }
}

/** The sides of an image, or how many numbers describe a row: what the first matrix takes when nothing states it. */
function featuresOf(
  { name, sides }: OnnxValue,
  { nodes, initializers }: OnnxModel,
  image: ImageSize | undefined,
): readonly number[] {
  const rest = sides?.slice(1) ?? []
  if (image !== undefined && rest.length === 3) return imageShape(name, rest, image)
  if (rest.every((side) => typeof side === 'number')) return rest
  const reader = nodes.find(({ inputs }) => inputs[0] === name)
  const weight = initializers.get(reader?.inputs[1] ?? '')
  if (rest.length === 1 && reader !== undefined && weight?.shape.length === 2) {
    return [weight.shape[intOf(reader, 'transB', 0)] as number]
  }
  throw new OnnxError(
    'unsupported',
    `input "${name}" does not state its channels, height and width; export it with fixed ones`,
  )
}

/** The sides of the batch's images, which have to be those that the model fixes. */
function imageShape(
  name: string,
  sides: readonly (number | string | undefined)[],
  { channels, height, width }: ImageSize,
): readonly number[] {
  const given = [channels, height, width]
  if (given.every((side, axis) => typeof sides[axis] !== 'number' || sides[axis] === side)) return given
  const expected = sides.map((side) => (typeof side === 'number' ? side : '?')).join(' x ')
  throw new OnnxError(
    'unsupported',
    `input "${name}" expected images of ${expected}, got ${given.join(' x ')}`,
  )
}

/** A cache that holds nothing: of the sides that are not fixed, the batch's is the number of rows. */
function pastPlan(input: OnnxValue, { rows }: BatchSize): InputPlan | undefined {
  const { name, sides } = input
  if (!isPast(input) || sides === undefined || sides.length < 3) return undefined
  const shape = sides.map((side, axis) =>
    typeof side === 'number' ? side : axis === 0 || /batch/.test(side ?? '') ? rows : 0,
  )
  if (sizeOf(shape) === 0) return { shape }
  const stated = sides.map((side) => side ?? '?').join(', ')
  throw new OnnxError(
    'unsupported',
    `input "${name}" is a cache of a fixed size (${stated}), which cannot be empty; export the model without a cache, or with one that grows`,
  )
}

/** Inputs that only say how large the others are, or how much to compute. */
function sizePlan({ name, sides, element }: OnnxValue, { columns }: BatchSize): InputPlan | undefined {
  const rank = sides?.length ?? 0
  const shape = Array<number>(rank).fill(1)
  const fixed = (value: number): InputPlan => ({
    shape,
    constant: { element: element ?? 'int64', shape, data: Float64Array.from({ length: 1 }, () => value) },
  })
  switch (name) {
    case 'cache_position':
      return { shape: [columns], constant: counting([columns], element) }
    case 'use_cache_branch':
    case 'num_logits_to_keep':
    case 'logits_to_keep':
    case 'past_sequence_length':
    case 'past_seq_len':
      return rank <= 1 ? fixed(0) : undefined
    case 'total_sequence_length':
    case 'total_seq_len':
      return rank <= 1 ? fixed(columns) : undefined
    default:
      return undefined
  }
}

function counting(shape: readonly number[], element: Element = 'int64'): Constant {
  return { element, shape, data: Float64Array.from({ length: sizeOf(shape) }, (_, at) => at) }
}

function noFeed({ name, element, sides }: OnnxValue): OnnxError {
  const type = `${element ?? 'of no stated element'}${sides === undefined ? '' : ` (${sides.map((side) => side ?? '?').join(', ')})`}`
  const reason = /^(?:decoder_input_ids|encoder_hidden_states|encoder_attention_mask|encoder_outputs)/.test(
    name,
  )
    ? 'models that read one sequence and write another are not supported'
    : `a batch gives ${[...new Set(Object.values(synonyms))].join(', ')}`
  return new OnnxError('unsupported', `the model has an input "${name}", ${type}; ${reason}`)
}
