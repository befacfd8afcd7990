/**
 * The angles of rotary position embeddings.
 * Paper: https://arxiv.org/abs/2104.09864; scaling as in
 * https://github.com/huggingface/transformers/blob/main/src/transformers/modeling_rope_utils.py
 * @module
 */
import { type Fields, numberOf, textOf } from './fields.js'

export type Rope =
  | { readonly kind: 'default'; readonly theta: number }
  | { readonly kind: 'linear'; readonly theta: number; readonly factor: number }
  | {
      readonly kind: 'llama3'
      readonly theta: number
      readonly factor: number
      readonly lowFrequencyFactor: number
      readonly highFrequencyFactor: number
      readonly originalPositions: number
    }

/** Rotary settings, in the form of transformers 5 (`rope_parameters`) or before (`rope_theta`, `rope_scaling`). */
export function ropeOf(fields: Fields): Rope {
  const settings = (fields.rope_parameters ?? fields.rope_scaling ?? {}) as Fields
  const theta = numberOf(settings, 'rope_theta', numberOf(fields, 'rope_theta', 10_000))
  const kind = textOf(settings, 'rope_type', textOf(settings, 'type', 'default'))
  switch (kind) {
    case 'default':
      return { kind, theta }
    case 'linear':
      return { kind, theta, factor: numberOf(settings, 'factor') }
    case 'llama3':
      return {
        kind,
        theta,
        factor: numberOf(settings, 'factor'),
        lowFrequencyFactor: numberOf(settings, 'low_freq_factor'),
        highFrequencyFactor: numberOf(settings, 'high_freq_factor'),
        originalPositions: numberOf(settings, 'original_max_position_embeddings'),
      }
    default:
      throw new RangeError(`rope_type "${kind}" is not supported; expected default, linear or llama3`)
  }
}

/** Angle of each position and pair of channels, float32-rounded as PyTorch has them: (columns, headWidth / 2). */
export function rotaryAngles(rope: Rope, headWidth: number, columns: number): Float32Array {
  const half = headWidth / 2
  const frequencies = Float32Array.from({ length: half }, (_, k) =>
    scaled(rope, Math.fround(1 / Math.fround(rope.theta ** ((2 * k) / headWidth)))),
  )
  return Float32Array.from(
    { length: columns * half },
    (_, at) => Math.floor(at / half) * (frequencies[at % half] as number),
  )
}

function scaled(rope: Rope, frequency: number): number {
  if (rope.kind === 'default') return frequency
  if (rope.kind === 'linear') return frequency / rope.factor
  const wavelength = (2 * Math.PI) / frequency
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = rope
  if (wavelength < originalPositions / high) return frequency
  if (wavelength > originalPositions / low) return frequency / factor
  const smooth = (originalPositions / wavelength - low) / (high - low)
  return ((1 - smooth) * frequency) / factor + smooth * frequency
}
