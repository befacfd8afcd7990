/**
 * Self-attention with rotary positions, as most decoders have it.
 *
 * Sizes used below: B = batch, T = sequence, N = B T, D = width, H = query heads, K = key/value heads, W = head width.
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { Block, DecoderConfig } from './decoder.js'
import { attention, type Layers, linear, mergeHeads, rmsNorm, splitHeads } from './layers.js'
import { rotate } from './rotary.js'

export interface SelfAttentionConfig extends Pick<DecoderConfig, 'heads' | 'keyValueHeads' | 'headWidth'> {
  /** Whether q_proj, k_proj and v_proj have biases, and whether o_proj has one. */
  readonly projectionBias: boolean
  readonly outputBias: boolean
  /** The epsilon of an RMS normalisation of each query and key head (`q_norm`, `k_norm`); null where there is none. */
  readonly headNormEpsilon: number | null
  /** What scores are multiplied with; 1 / sqrt(W) unless stated. */
  readonly scale?: number
  /** Scores are kept within this by a tanh. */
  readonly scoreCap?: number | undefined
}

/** The module at `path` (`…self_attn`) for the normalised x (N, D) -> (N, D). */
export function selfAttention(
  layers: Layers,
  config: SelfAttentionConfig,
  { path, x, block }: { readonly path: string; readonly x: Value; readonly block: HeadStates['block'] },
): Value {
  const heads = (name: string, count: number): Value =>
    splitHeads(layers, linear(layers, `${path}.${name}`, x, config.projectionBias), count)
  const normed = (name: string, states: Value): Value =>
    config.headNormEpsilon === null
      ? states
      : rmsNorm(layers, `${path}.${name}`, states, config.headNormEpsilon)
  const states = {
    query: normed('q_norm', heads('q_proj', config.heads)),
    key: normed('k_norm', heads('k_proj', config.keyValueHeads)),
    value: heads('v_proj', config.keyValueHeads),
  }
  const attended = rotaryAttention(layers, config, { ...states, block })
  return linear(layers, `${path}.o_proj`, attended, config.outputBias)
}

export interface HeadStates {
  readonly query: Value // (B, H, T, W)
  readonly key: Value // (B, K, T, W)
  readonly value: Value // (B, K, T, W)
  readonly block: Pick<Block, 'mask' | 'rotary'>
}

/** Queries and keys are rotated to their positions, then attend -> (N, H W). */
export function rotaryAttention(
  layers: Layers,
  config: Pick<SelfAttentionConfig, 'headWidth' | 'scale' | 'scoreCap'>,
  { query, key, value, block }: HeadStates,
): Value {
  const { rotary } = block
  const turned = (x: Value): Value => (rotary === undefined ? x : rotate(layers, x, rotary))
  const attended = attention(layers, {
    query: turned(query),
    key: turned(key),
    value,
    mask: block.mask,
    scale: config.scale ?? 1 / Math.sqrt(config.headWidth),
    cap: config.scoreCap,
  })
  return mergeHeads(layers, attended)
}
