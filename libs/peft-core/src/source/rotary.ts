/**
 * The angles of rotary position embeddings.
 * Paper: https://arxiv.org/abs/2104.09864; scaling as in
 * https://github.com/huggingface/transformers/blob/main/src/transformers/modeling_rope_utils.py
 * @module
 */

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
