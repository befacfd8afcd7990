import { randomBytes } from 'node:crypto'
import { type Masking, noisyRing, steppedRing } from '@lorica/privacy'
import { expect, test } from 'vitest'
import { maskHere, maskInThread } from './masking.js'

const masks = [1, -1].map((sign) => ({ key: Uint8Array.from(randomBytes(32)), sign: sign as 1 | -1 }))
const values = Float32Array.from({ length: 20_000 }, (_, at) => Math.sin(at) / 1000)
const plain: Masking = {
  ...{ values, masks, noise: null, seed: Uint8Array.from(randomBytes(32)) },
  ring: steppedRing({ agents: 5, bound: 1 }, 20),
}
const noise = { deviation: 0.3, clip: 1 }
const noisy: Masking = { ...plain, noise, ring: noisyRing({ agents: 5, bound: 1 }, noise) }

test.each([
  ['values', plain],
  ['values with noise', noisy],
])('a thread of its own masks %s as the agent itself would, to the byte', async (_, masking) => {
  const [there, here] = [await maskInThread(masking), maskHere(masking)]
  expect(there.sha256).toBe(here.sha256)
  expect(Buffer.compare(there.bytes, here.bytes)).toBe(0)
  expect(maskHere({ ...masking, seed: Uint8Array.from(randomBytes(32)) }).sha256).not.toBe(here.sha256)
})

test('values that do not fit are refused, and a thread that falls is told of', async () => {
  const far = Float32Array.from(values, (value, at) => (at === 7 ? 1.5 : value))
  await expect(maskInThread({ ...plain, values: far })).rejects.toThrow('value 7 expected a finite number')
  await expect(maskInThread({ ...noisy, values: far })).rejects.toThrow('norm of at most 1')
  const falls = new URL('data:text/javascript,process.exit(3)')
  await expect(maskInThread(plain, falls)).rejects.toMatchObject({
    ...{ code: 'LRC-9001', message: expect.stringContaining('ended with 3') },
  })
})
