/**
 * The settings of rotary position embeddings, and the angles they give.
 * Paper: https://arxiv.org/abs/2104.09864; scaling as in
 * https://github.com/huggingface/transformers/blob/main/src/transformers/modeling_rope_utils.py
 * @module
 */
import { type Fields, flagOf, numberOf, numbersOf, textOf } from './fields.js'

export interface Rope {
  readonly theta: number
  /** How much of each head's width is turned, from its front; the rest passes. */
  readonly fraction: number
  readonly scaling: RopeScaling
}

export type RopeScaling =
  | { readonly kind: 'default' }
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3'
      readonly factor: number
      readonly lowFrequencyFactor: number
      readonly highFrequencyFactor: number
      readonly originalPositions: number
    }
  | {
      readonly kind: 'yarn'
      readonly factor: number
      readonly originalPositions: number
      readonly fastTurns: number
      readonly slowTurns: number
      readonly truncates: boolean
      readonly amplitude: number
    }
  | {
      readonly kind: 'longrope'
      readonly originalPositions: number
      readonly shortFactors: readonly number[]
      readonly longFactors: readonly number[]
      readonly amplitude: number
    }

export interface RopeDefaults {
  readonly theta: number
  /** The share of a head that is turned unless config.json says otherwise; undefined in a family that turns all of it. */
  readonly fraction?: number
}

/**
 * Rotary settings, in the form of transformers 5 (`rope_parameters`) or before (`rope_theta`, `rope_scaling`). RangeError
 * names a kind that is not built.
 */
export function ropeOf(fields: Fields, defaults: RopeDefaults): Rope {
  const settings = { ...(fields.rope_parameters ?? fields.rope_scaling ?? {}) } as Fields
  const nested = Object.entries(settings).find(([, value]) => isObject(value))
  if (nested !== undefined)
    throw new RangeError(
      `rope_parameters for "${nested[0]}" alone are not supported; expected one for all layers`,
    )
  const theta = numberOf(settings, 'rope_theta', numberOf(fields, 'rope_theta', defaults.theta))
  const given = numberOf(
    settings,
    'partial_rotary_factor',
    numberOf(fields, 'partial_rotary_factor', defaults.fraction ?? 1),
  )
  if (defaults.fraction === undefined && given !== 1)
    throw new RangeError(`partial_rotary_factor ${given} is not supported in this family; expected 1`)
  return { theta, fraction: given, scaling: scalingOf(fields, settings) }
}

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function scalingOf(fields: Fields, settings: Fields): RopeScaling {
  const kind = textOf(settings, 'rope_type', textOf(settings, 'type', 'default'))
  const positions = numberOf(fields, 'max_position_embeddings', 2048)
  const original = numberOf(
    fields,
    'original_max_position_embeddings',
    numberOf(settings, 'original_max_position_embeddings', positions),
  )
  switch (kind) {
    case 'default':
    case 'dynamic': // it scales beyond max_position_embeddings only, where no sequence goes
      return { kind: 'default' }
    case 'linear':
      return { kind, factor: numberOf(settings, 'factor') }
    case 'llama3':
      return {
        kind,
        factor: numberOf(settings, 'factor'),
        lowFrequencyFactor: numberOf(settings, 'low_freq_factor'),
        highFrequencyFactor: numberOf(settings, 'high_freq_factor'),
        originalPositions: original,
      }
    case 'yarn':
      return yarnOf(settings, numberOf(settings, 'factor', positions / original), original)
    case 'longrope':
    case 'su':
      return longRopeOf(settings, numberOf(settings, 'factor', positions / original), original)
    default:
      throw new RangeError(
        `rope_type "${kind}" is not supported; expected default, linear, dynamic, llama3, yarn or longrope`,
      )
  }
}

/** Paper: https://arxiv.org/abs/2309.00071 */
function yarnOf(settings: Fields, factor: number, originalPositions: number): RopeScaling {
  const growth = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1)
  const [some, all] = [numberOf(settings, 'mscale', 0), numberOf(settings, 'mscale_all_dim', 0)]
  const amplitude = some !== 0 && all !== 0 ? growth(some) / growth(all) : growth(1)
  return {
    kind: 'yarn',
    factor,
    originalPositions,
    fastTurns: numberOf(settings, 'beta_fast', 0) || 32,
    slowTurns: numberOf(settings, 'beta_slow', 0) || 1,
    truncates: flagOf(settings, 'truncate', true),
    amplitude: numberOf(settings, 'attention_factor', amplitude),
  }
}

/** Paper: https://arxiv.org/abs/2402.13753 */
function longRopeOf(settings: Fields, factor: number, originalPositions: number): RopeScaling {
  const amplitude = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalPositions))
  return {
    kind: 'longrope',
    originalPositions,
    shortFactors: numbersOf(settings, 'short_factor'),
    longFactors: numbersOf(settings, 'long_factor'),
    amplitude: numberOf(settings, 'attention_factor', amplitude),
  }
}

/** What the cosines and sines are multiplied with. */
export function rotaryAmplitude({ scaling }: Rope): number {
  return 'amplitude' in scaling ? scaling.amplitude : 1
}

/**
 * Angle of each position and pair of channels, float32-rounded as PyTorch has them: (columns, pairs), where twice the
 * pairs is the width that is turned. RangeError when longrope has not one factor for each pair.
 */
export function rotaryAngles(rope: Rope, headWidth: number, columns: number): Float32Array {
  const turned = Math.trunc(headWidth * rope.fraction)
  const pairs = Math.ceil(turned / 2)
  const powers = Float32Array.from({ length: pairs }, (_, k) => rope.theta ** ((2 * k) / turned))
  const frequencies = powers.map(frequencyOf(rope, turned, columns))
  return Float32Array.from(
    { length: columns * pairs },
    (_, at) => Math.floor(at / pairs) * (frequencies[at % pairs] as number),
  )
}

/** From theta^(2k / width) and k to the frequency of pair k. */
function frequencyOf(
  { theta, scaling }: Rope,
  turned: number,
  columns: number,
): (power: number, k: number) => number {
  switch (scaling.kind) {
    case 'default':
      return (power) => 1 / power
    case 'linear':
      return (power) => Math.fround(1 / power) / scaling.factor
    case 'llama3':
      return (power) => llama3(scaling, Math.fround(1 / power))
    case 'yarn': {
      const [low, high] = yarnRange(scaling, theta, turned)
      return (power, k) => {
        const ramp = Math.min(Math.max((k - low) / (high - low), 0), 1)
        return (ramp / scaling.factor + (1 - ramp)) / power
      }
    }
    case 'longrope': {
      const factors = columns > scaling.originalPositions ? scaling.longFactors : scaling.shortFactors
      if (factors.length !== Math.ceil(turned / 2))
        throw new RangeError(
          `longrope expected ${Math.ceil(turned / 2)} factors, one for each pair of channels, got ${factors.length}`,
        )
      return (power, k) => 1 / Math.fround((factors[k] as number) * power)
    }
  }
}

function llama3(scaling: Extract<RopeScaling, { kind: 'llama3' }>, frequency: number): number {
  const wavelength = (2 * Math.PI) / frequency
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = scaling
  if (wavelength < originalPositions / high) return frequency
  if (wavelength > originalPositions / low) return frequency / factor
  const smooth = (originalPositions / wavelength - low) / (high - low)
  return ((1 - smooth) * frequency) / factor + smooth * frequency
}

/** The pairs between which YaRN goes over from frequencies as they are to frequencies that are scaled down. */
function yarnRange(
  scaling: Extract<RopeScaling, { kind: 'yarn' }>,
  theta: number,
  turned: number,
): readonly [number, number] {
  const pairOf = (turns: number): number =>
    (turned * Math.log(scaling.originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta))
  const ends = [pairOf(scaling.fastTurns), pairOf(scaling.slowTurns)] as const
  const low = Math.max(scaling.truncates ? Math.floor(ends[0]) : ends[0], 0)
  const high = Math.min(scaling.truncates ? Math.ceil(ends[1]) : ends[1], turned - 1)
  return [low, low === high ? high + 0.001 : high]
}
