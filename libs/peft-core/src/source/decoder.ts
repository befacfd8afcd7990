/**
 * What decoders have in common: rotary positions, blocks one after another, causal masks, and the logits of the next token.
 * @module
 */

import { int, type Value } from '../graph/graph.js'
import type { ModelInputs } from './architecture.js'
import { countOf, type Fields, flagOf, layersOf, textOf } from './fields.js'
import { wantedStates } from './growing-text.js'
import { additiveMask, embedding, type Layers, reachOf, softCap } from './layers.js'
import { type Rope, type RopeDefaults, ropeOf } from './rope.js'
import { type Rotary, rotaryTables } from './rotary.js'
import { type RowClassifier, rowClasses, rowClassifierOf } from './row-classes.js'

export interface DecoderConfig {
  readonly layers: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headWidth: number
  readonly positions: number
  readonly activation: string
  readonly rope: Rope
  /** For each layer, how many tokens its attention sees, the token itself included; null is all before it. */
  readonly windows: readonly (number | null)[]
  readonly tieWordEmbeddings: boolean
  /** What gives classes instead of the next token. */
  readonly classifier?: RowClassifier | undefined
  /** For each layer, whether queries and keys are turned to their positions; absent, in all of them. */
  readonly turns?: readonly boolean[]
}

/** Reads the fields that most decoders name alike. RangeError names the field that does not fit. */
export function decoderConfig(fields: Fields, rope: RopeDefaults): DecoderConfig {
  const heads = countOf(fields, 'num_attention_heads')
  const keyValueHeads = countOf(fields, 'num_key_value_heads', heads)
  if (heads % keyValueHeads !== 0) {
    throw new RangeError(
      `num_attention_heads ${heads} is not a multiple of num_key_value_heads ${keyValueHeads}`,
    )
  }
  const layers = layersOf(fields, 'num_hidden_layers')
  return {
    layers,
    heads,
    keyValueHeads,
    headWidth: fields.head_dim == null ? headWidth(fields, heads) : countOf(fields, 'head_dim'),
    positions: countOf(fields, 'max_position_embeddings', 2048),
    activation: textOf(fields, 'hidden_act', 'silu'),
    rope: ropeOf(fields, rope),
    windows: new Array<null>(layers).fill(null),
    tieWordEmbeddings: flagOf(fields, 'tie_word_embeddings', false),
    classifier: rowClassifierOf(fields),
  }
}

function headWidth(fields: Fields, heads: number): number {
  const width = countOf(fields, 'hidden_size')
  if (width % heads === 0) return width / heads
  throw new RangeError(`hidden_size ${width} is not a multiple of num_attention_heads ${heads}`)
}

/** `sliding_window` for every layer, or none where it is null. */
export function sameWindows(fields: Fields, layers: number): DecoderConfig['windows'] {
  const window = fields.sliding_window == null ? null : countOf(fields, 'sliding_window')
  return new Array<number | null>(layers).fill(window)
}

/** `sliding_window` for the layers that `layer_types` says, or else `otherwise`. RangeError names an unknown kind of layer. */
export function windowsByLayer(
  fields: Fields,
  layers: number,
  otherwise: (layer: number) => boolean,
): DecoderConfig['windows'] {
  const kinds = fields.layer_types
  const isCut = (layer: number): boolean => {
    const kind: unknown = Array.isArray(kinds) ? kinds[layer] : undefined
    if (kind === undefined) return otherwise(layer)
    if (kind === 'sliding_attention' || kind === 'full_attention') return kind === 'sliding_attention'
    throw new RangeError(
      `layer_types ${JSON.stringify(kind)} is not supported; expected full_attention or sliding_attention`,
    )
  }
  return Array.from({ length: layers }, (_, layer) =>
    isCut(layer) ? countOf(fields, 'sliding_window') : null,
  )
}

export interface Block {
  /** The module's path, such as `model.layers.3`. */
  readonly path: string
  readonly index: number
  readonly hidden: Value // (N, D)
  readonly mask: Value | undefined // (1 or B, 1, T, T)
  /** Undefined where the layer knows no positions. */
  readonly rotary: Rotary | undefined
}

/** The parts of a decoder in which families differ. */
export interface DecoderParts {
  readonly config: DecoderConfig
  /** The paths of the embedding and of the list of blocks: model.embed_tokens, model.layers. */
  readonly embedding: string
  readonly blocks: string
  /** What the embedding multiplies its rows with. */
  readonly embeddingScale?: number
  /** (N, D) -> (N, D) */
  block(block: Block): Value
  /** What comes after the last block. */
  norm(hidden: Value): Value
  /** Whether `lm_head` has a bias. */
  readonly headBias?: boolean
  /** The logits are kept within this by a tanh. */
  readonly logitCap?: number | undefined
}

/** Appends the model -> logits (N, V), or (B, C) of a classifier. */
export function decoder(layers: Layers, parts: DecoderParts, inputs: ModelInputs): Value {
  const { config } = parts
  const { builder, batch } = layers
  if (batch.columns > config.positions) {
    throw new RangeError(
      `the model knows ${config.positions} positions; a sequence of ${batch.columns} tokens does not fit, so take shorter rows (--max-tokens, data.maxTokens)`,
    )
  }
  const maskFor = masks(layers, inputs)
  const rotary = rotaryTables(layers, config.rope, config.headWidth)
  const words = embedding(layers, parts.embedding, inputs.inputIds) // (N, D)
  const scale = parts.embeddingScale
  const module = parts.embedding
  const start = scale === undefined ? words : builder.op('Mul', [words, builder.constant(scale)], { module })
  const last = config.windows.reduce<Value>((hidden, window, index) => {
    const path = `${parts.blocks}.${index}`
    const turn = config.turns?.[index] === false ? undefined : rotary
    return parts.block({ path, index, hidden, mask: maskFor(window), rotary: turn })
  }, start)
  const hidden = parts.norm(last)
  if (config.classifier !== undefined) return rowClasses(layers, config.classifier, { hidden, inputs })
  const logits = head(layers, parts, wantedStates(layers, hidden))
  return parts.logitCap === undefined ? logits : softCap(layers, logits, parts.logitCap)
}

function head({ builder, weights }: Layers, parts: DecoderParts, hidden: Value): Value {
  const weight = weights.get(`${parts.config.tieWordEmbeddings ? parts.embedding : 'lm_head'}.weight`)
  const bias = parts.headBias === true ? [weights.get('lm_head.bias')] : []
  return builder.op('Gemm', [hidden, weight, ...bias], {
    attributes: { transB: int(1) },
    module: 'lm_head',
    name: 'lm_head',
  })
}

/** One mask for each width of window; one that holds the whole sequence is none. */
function masks(layers: Layers, { attentionMask }: ModelInputs): (window: number | null) => Value | undefined {
  const made = new Map<number, Value | undefined>()
  return (window) => {
    const width = Math.min(window ?? reachOf(layers), reachOf(layers))
    if (!made.has(width))
      made.set(width, additiveMask(layers, { attentionMask, causal: true, window: width }))
    return made.get(width)
  }
}
