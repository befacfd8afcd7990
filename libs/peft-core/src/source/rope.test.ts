import { expect, test } from 'vitest'
import { ropeOf, rotaryAmplitude, rotaryAngles } from './rope.js'

const [long, short] = [
  [1.5, 2, 3, 4, 5, 6.5],
  [1, 1.1, 1.2, 1.3, 1.5, 2],
]
const positions = { max_position_embeddings: 64 }
const longrope = {
  ...positions,
  original_max_position_embeddings: 16,
  rope_scaling: { type: 'longrope', long_factor: long, short_factor: short },
}

// transformers 5.18, LlamaRotaryEmbedding and Phi3RotaryEmbedding with heads 12 wide: cosines and sines of position 7
test.each([
  [
    'as they are',
    12,
    positions,
    [0.7539023, 0.0626512, 0.9476791, 0.997551, 0.9998863, 0.9999948],
    [0.6569866, 0.9980355, 0.3192246, 0.0699428, 0.0150805, 0.0032491],
  ],
  [
    'linear',
    12,
    { ...positions, rope_parameters: { rope_type: 'linear', rope_theta: 5000, factor: 4 } },
    [-0.1782461, 0.9117805, 0.9947678, 0.9996938, 0.9999821, 0.999999],
    [0.983986, 0.4106779, 0.1021621, 0.0247462, 0.0059849, 0.0014473],
  ],
  [
    'llama3',
    12,
    {
      ...positions,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 32,
      },
    },
    [0.7539023, 0.9733721, 0.9991754, 0.9999617, 0.9999982, 0.9999999],
    [0.6569866, 0.2292308, 0.0406027, 0.0087499, 0.0018851, 0.0004061],
  ],
  [
    'dynamic',
    12,
    { ...positions, rope_scaling: { type: 'dynamic', factor: 8 } },
    [0.7539023, 0.0626512, 0.9476791, 0.997551, 0.9998863, 0.9999948],
    [0.6569866, 0.9980355, 0.3192246, 0.0699428, 0.0150805, 0.0032491],
  ],
  [
    'yarn',
    12,
    {
      ...positions,
      rope_theta: 10_000,
      rope_scaling: {
        rope_type: 'yarn',
        factor: 4,
        original_max_position_embeddings: 16,
        beta_fast: 2,
        beta_slow: 1,
      },
    },
    [0.8584153, 1.0586562, 1.1348752, 1.138455, 1.1386213, 1.1386291],
    [0.7480643, 0.4191944, 0.0923867, 0.019925, 0.0042929, 0.0009249],
  ],
  [
    'yarn with an amplitude of its own, between whole pairs',
    12,
    {
      ...positions,
      rope_theta: 700,
      rope_scaling: {
        rope_type: 'yarn',
        factor: 4,
        original_max_position_embeddings: 16,
        mscale: 0.7,
        mscale_all_dim: 1.3,
        truncate: false,
      },
    },
    [0.7007698, 0.7737758, 0.9115278, 0.9274909, 0.9292945, 0.9294977],
    [0.6106845, 0.5150582, 0.1820191, 0.0614374, 0.0206315, 0.0069244],
  ],
  [
    'longrope within the length of pre-training',
    12,
    longrope,
    [0.9233379, 0.2430701, 1.1801251, 1.2229699, 1.224683, 1.2247434],
    [0.804641, 1.200382, 0.3275742, 0.0659159, 0.0123134, 0.0019897],
  ],
  [
    'longrope beyond it',
    20,
    longrope,
    [-0.0559783, 0.892742, 1.217569, 1.2245574, 1.2247393, 1.2247448],
    [-1.223465, 0.8384579, 0.1323853, 0.0214319, 0.0036941, 0.0006122],
  ],
  [
    'a quarter of the head',
    12,
    { ...positions, partial_rotary_factor: 0.25 },
    [0.7539023, 0.9998863],
    [0.6569866, 0.0150805],
  ],
])('angles are those of transformers: %s', (_, columns, fields, cosines, sines) => {
  const rope = ropeOf(fields, { theta: 10_000, fraction: 1 })
  const angles = rotaryAngles(rope, 12, columns).subarray(7 * cosines.length, 8 * cosines.length)
  expect(angles).toHaveLength(cosines.length)
  for (const [pair, angle] of angles.entries()) {
    expect(rotaryAmplitude(rope) * Math.cos(angle)).toBeCloseTo(cosines[pair] as number, 6)
    expect(rotaryAmplitude(rope) * Math.sin(angle)).toBeCloseTo(sines[pair] as number, 6)
  }
})

test('settings that are not built are refused with the field', () => {
  const read = (settings: object) => () => ropeOf({ rope_parameters: settings }, { theta: 10_000 })
  expect(read({ rope_type: 'proportional' })).toThrow('rope_type "proportional" is not supported')
  expect(read({ partial_rotary_factor: 0.5 })).toThrow(
    'partial_rotary_factor 0.5 is not supported in this family',
  )
  expect(read({ full_attention: { rope_theta: 3 } })).toThrow('rope_parameters for "full_attention" alone')
  expect(read({ rope_type: 'linear' })).toThrow('factor expected a number')
  expect(read({ rope_type: 'longrope', long_factor: ['2'] })).toThrow('short_factor')
})

test('longrope without a factor for each pair is refused', () => {
  const rope = ropeOf(longrope, { theta: 10_000 })
  expect(() => rotaryAngles(rope, 16, 9)).toThrow('longrope expected 8 factors')
})
