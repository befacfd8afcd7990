import { addNoise, encodeWithNoise, SHARED_NOISE_APART } from '@lorica/privacy'
import { expect, test, vi } from 'vitest'
import { assignment, tensors } from './contribution.fixture.js'
import { gradientsForSum } from './shared-work.js'

const dp = {
  ...{ unit: 'example', noise: 'shared', noiseMultiplier: 2, clip: 0.5, samplingRate: 0.125 },
  ...{ delta: 1e-5, epsilon: 8 },
} as const
const secure = {
  ...{ attempt: 1, elements: 3, degree: 4, threshold: 3, minSurvivors: 4 },
  ring: { agents: 5, bound: 100, fractionBits: 12, bits: 32 },
  noise: { deviation: (2 * 0.5 * (1 + 2 ** -12)) / Math.sqrt(3), honest: 3 },
}
const local = { ...assignment.local, steps: 1 }

function workOf(changes: object = {}, ofDp: object = {}) {
  const spend = vi.fn(async () => {})
  const drawn = vi.fn(async () => ({ steps: [[]], samplingRate: 0.125 }))
  const given = {
    assignment: { ...assignment, local, secure, maxUpdateNorm: 60, ...changes },
    ...{
      dp: { ...dp, ...ofDp },
      spec: {},
      adapter: { config: {}, tensors: tensors(1, 2, 3) },
      frozen: new Set(),
    },
    ...{ side: null, reading: {}, deadlineAtMs: 1 },
  } as unknown as Parameters<typeof gradientsForSum>[0]
  const sums = new Map([['m.lora_A.weight', Float64Array.of(0.1, -20, 3)]])
  const parts = {
    ...{ batches: { byExample: drawn }, trainer: { sumClipped: async () => sums }, spend },
    ...{ owner: { whenFree: (steps: unknown) => steps }, clock: { monotonicMs: () => 5 } },
  } as unknown as Parameters<typeof gradientsForSum>[1]
  return { work: () => gradientsForSum(given, parts, new AbortController().signal), spend, drawn }
}

test('one step is drawn with the chance of the run and paid for, and its sum is given as it is', async () => {
  const { work, spend, drawn } = workOf()
  const { tensors: sum, lossFirst } = await work()
  expect([...sum.get('m.lora_A.weight')!.data]).toEqual([Math.fround(0.1), -20, 3])
  expect(lossFirst).toBeNull()
  expect(drawn).toHaveBeenCalledWith({}, expect.objectContaining({ samplingRate: 0.125, steps: 1 }))
  const charge = { unit: 'example', noiseMultiplier: 2, samplingRate: 0.125, sampling: 'poisson', steps: 1 }
  expect(spend).toHaveBeenCalledExactlyOnceWith({ ...charge, apart: SHARED_NOISE_APART }, expect.anything())
})

test.each([
  ['no secure sum', { secure: undefined }, {}],
  ['a sum without noise', { secure: { ...secure, noise: undefined } }, {}],
  ['less noise', { secure: { ...secure, noise: { ...secure.noise, deviation: 0.577 } } }, {}],
  [
    'noise that would do if nothing were rounded to 32 bits',
    { secure: { ...secure, noise: { ...secure.noise, deviation: (1 + 2 ** -14) / Math.sqrt(3) } } },
    {},
  ],
  ['noise of more agents than must be in the sum', { secure: { ...secure, minSurvivors: 2 } }, {}],
  ['a greater bound on an example than the noise is for', {}, { clip: 0.51 }],
  ['a sum too long for 32 bits', { maxUpdateNorm: 501 }, {}],
  ['a sum without a bound', { maxUpdateNorm: null }, {}],
  ['several steps', { local: { ...local, steps: 2 } }, {}],
  ['no chance', {}, { samplingRate: undefined }],
])('%s is declined before anything is drawn or paid for', async (_why, changes, ofDp) => {
  const { work, spend, drawn } = workOf(changes, ofDp)
  await expect(work()).rejects.toMatchObject({ code: 'LRC-6017' })
  expect(spend).not.toHaveBeenCalled()
  expect(drawn).not.toHaveBeenCalled()
})

test('what agents add in the ring is the noise of the promise, as if one had added all of it', () => {
  const values = new Float32Array(20_000).fill(0.01)
  const { deviation } = secure.noise
  const sums = new Float64Array(values.length)
  for (let agent = 0; agent < 3; agent++) {
    const ring = { ...secure.ring, fractionBits: 14 }
    const encoded = encodeWithNoise(values, ring, { deviation, clip: 60 })
    for (const [at, value] of encoded.entries()) sums[at]! += (value | 0) / 2 ** 14
  }
  const alone = new Float64Array(values.length).fill(0.03)
  addNoise(alone, 2 * 0.5)
  const spread = (of: Float64Array): number => Math.hypot(...of.map((x) => x - 0.03)) / Math.sqrt(of.length)
  expect(Math.abs(spread(sums) - 1)).toBeLessThan(0.03) // six standard errors
  expect(Math.abs(spread(alone) - 1)).toBeLessThan(0.03)
})
