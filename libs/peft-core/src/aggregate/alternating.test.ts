import { expect, test } from 'vitest'
import type { Adapter } from '../adapter/adapter.js'
import { createLoraConfig } from '../adapter/lora-config.js'
import { createRandom } from '../train/random.js'
import { aggregate, contributed, norm } from './agents.fixture.js'

// A linear regression y = b* a*' x of rank 1, whose inputs each agent sees with variances of its own.
const [outputs, inputs, agents] = [4, 6, 3]
const random = createRandom(8, 'regression')
const drawn = (count: number): Float32Array =>
  Float32Array.from({ length: count }, () => random.uniform() - 0.5)
const [wantedB, wantedA] = [drawn(outputs), drawn(inputs)]
const variances = Array.from({ length: agents }, () => drawn(inputs).map((value) => value + 1))
const [keyA, keyB] = ['base_model.model.w.lora_A.weight', 'base_model.model.w.lora_B.weight']
const config = createLoraConfig({ method: 'lora', rank: 1, alpha: 1, rslora: false, targets: ['w'] })

/** One step of steepest descent for one factor, on what one agent sees. */
function trained(start: Adapter, factor: 'A' | 'B', variance: Float32Array): Adapter {
  const [a, b] = [start.tensors.get(keyA)!.data, start.tensors.get(keyB)!.data]
  const rest = (row: number, column: number): number =>
    (b[row]! * a[column]! - wantedB[row]! * wantedA[column]!) * variance[column]!
  const step = factor === 'A' ? 0.5 / norm(b) ** 2 : 0.5 / norm(a) ** 2
  const [newA, newB] = [a.slice(), b.slice()]
  for (let row = 0; row < outputs; row++) {
    for (let column = 0; column < inputs; column++) {
      if (factor === 'A') newA[column]! -= step * b[row]! * rest(row, column)
      else newB[row]! -= step * a[column]! * rest(row, column)
    }
  }
  return adapterOf(newA, newB)
}

function adapterOf(a: Float32Array, b: Float32Array): Adapter {
  return {
    config,
    tensors: new Map([
      [keyA, { shape: [1, inputs], data: a }],
      [keyB, { shape: [outputs, 1], data: b }],
    ]),
  }
}

/** The sine of the angle between A and a*. */
function angle({ tensors }: Adapter): number {
  const { data } = tensors.get(keyA)!
  const along = data.reduce((sum, value, at) => sum + value * wantedA[at]!, 0) / norm(wantedA)
  return norm(data.map((value, at) => value - (along * wantedA[at]!) / norm(wantedA))) / norm(data)
}

async function learned(strategy: 'rolora' | 'ffa', rounds: number): Promise<readonly number[]> {
  let start = adapterOf(
    Float32Array.from({ length: inputs }, (_, at) => 0.3 + 0.1 * at),
    new Float32Array(outputs),
  )
  const angles = [angle(start)]
  for (let round = 1; round <= rounds; round++) {
    const factor = strategy === 'rolora' && round % 2 === 0 ? 'A' : 'B'
    const updates = variances.map((variance, at) =>
      contributed(`k${at}`, 1, trained(start, factor, variance)),
    )
    start = (await aggregate({ strategy }, updates, { start, round })).candidate
    if (round % 2 === 0) angles.push(angle(start))
  }
  return angles
}

test('alternating factors turn A towards what is to be learned in every pair of rounds; a frozen A stays', async () => {
  const angles = await learned('rolora', 24)
  for (const [at, value] of angles.slice(1).entries()) expect(value).toBeLessThan(angles[at]!)
  expect(angles[0]).toBeGreaterThan(0.5)
  expect(angles.at(-1)).toBeLessThan(0.02)
  expect(new Set(await learned('ffa', 8))).toEqual(new Set([angles[0]]))
})
