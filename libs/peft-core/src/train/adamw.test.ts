import { expect, test } from 'vitest'
import { createAdamW } from './adamw.js'

// torch.optim.AdamW, PyTorch 2.13: lr per step, betas (0.8, 0.95), eps 1e-6, weight decay 0.1, on the gradients below.
const options = { weightDecay: 0.1, beta1: 0.8, beta2: 0.95, epsilon: 1e-6 }
const rates = [0.01, 0.02, 0.015, 0.01, 0.005]
const gradients = [
  { w: [0.1, -0.2, 0.3, 1.5, 0, -2], b: [0.5, -0.25] },
  { w: [-0.4, 0.25, 0.05, 0.7, 1e-5, -1], b: [-0.125, 2] },
  { w: [0.3, 0.3, -0.9, 0, -0.6, 0.2], b: [1, 0.75] },
  { w: [2, -1, 0.5, -0.5, 0.25, 0.125], b: [0.01, -0.02] },
  { w: [-0.05, 0.6, 0.7, 0.8, -0.9, 1.1], b: [0.3, -3] },
]
const trajectory = [
  { w: [0.48950011, -1.23874998, 1.98800004, 0.73925, -0.0999, -2.98699999], b: [0.28970003, -0.58940011] },
  {
    w: [0.50058091, -1.24067736, 1.96885598, 0.7195847, -0.11331484, -2.96261311],
    b: [0.2806398, -0.60208303],
  },
  {
    w: [0.49891824, -1.24778473, 1.97323966, 0.7085163, -0.10276224, -2.94906807],
    b: [0.26884571, -0.61199677],
  },
  {
    w: [0.49196923, -1.24231124, 1.97148049, 0.70492232, -0.10029999, -2.94182253],
    b: [0.26265079, -0.61690015],
  },
  {
    w: [0.48923579, -1.2417891, 1.96877694, 0.702115, -0.09711166, -2.94034719],
    b: [0.2593874, -0.61517447],
  },
]

function start() {
  return new Map([
    ['w', { shape: [2, 3], data: Float32Array.of(0.5, -1.25, 2, 0.75, -0.1, -3) }],
    ['b', { shape: [2], data: Float32Array.of(0.3, -0.6) }],
  ])
}
const gradientsOf = (step: number) =>
  new Map(Object.entries(gradients[step] ?? {}).map(([name, values]) => [name, Float32Array.from(values)]))

function expectClose(actual: Float32Array | undefined, expected: readonly number[] | undefined): void {
  for (const [index, value] of (expected ?? []).entries()) expect(actual?.[index]).toBeCloseTo(value, 6)
}

test('five steps follow the path of torch.optim.AdamW', () => {
  const parameters = start()
  const adamw = createAdamW(parameters, options)
  for (const [step, rate] of rates.entries()) {
    adamw.step(gradientsOf(step), rate)
    expectClose(parameters.get('w')?.data, trajectory[step]?.w)
    expectClose(parameters.get('b')?.data, trajectory[step]?.b)
  }
  expect(adamw.state().step).toBe(5)
})

test('an optimiser continued from its state makes the same steps', () => {
  const whole = start()
  const straight = createAdamW(whole, options)
  for (const [step, rate] of rates.entries()) straight.step(gradientsOf(step), rate)

  const parts = start()
  const first = createAdamW(parts, options)
  for (const step of [0, 1]) first.step(gradientsOf(step), rates[step] as number)
  const second = createAdamW(parts, options, first.state())
  for (const step of [2, 3, 4]) second.step(gradientsOf(step), rates[step] as number)
  expect(parts).toEqual(whole)
})

test('vectors keep their values under a zero gradient when only matrices decay', () => {
  const parameters = start()
  const zeros = new Map([
    ['w', new Float32Array(6)],
    ['b', new Float32Array(2)],
  ])
  createAdamW(parameters, { ...options, decayMatricesOnly: true }).step(zeros, 0.5)
  expect(parameters.get('b')?.data).toEqual(Float32Array.of(0.3, -0.6))
  expect(parameters.get('w')?.data).toEqual(
    Float32Array.from([0.5, -1.25, 2, 0.75, -0.1, -3], (x) => Math.fround(x) * 0.95),
  )
})

test('a gradient of another size, or none, is refused by name', () => {
  const adamw = createAdamW(start(), options)
  expect(() => adamw.step(new Map([['w', new Float32Array(5)]]), 0.1)).toThrow(
    '"w" expected 6 gradients, got 5',
  )
  expect(() => adamw.step(new Map([['w', new Float32Array(6)]]), 0.1)).toThrow(
    '"b" expected 2 gradients, got none',
  )
})
