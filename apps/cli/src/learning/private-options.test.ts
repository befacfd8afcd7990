import { LoricaError } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { expectPrivate, privatePlan, promise } from './private-options.js'

const given = { dpEpsilon: 3, dpClip: 1, method: 'lora', accumulate: 1 } as const

test.each([
  [{ dpEpsilon: undefined }, 'expected one of --dp-noise-multiplier and --dp-epsilon'],
  [{ dpNoiseMultiplier: 1 }, 'expected one of'],
  [{ dpClip: undefined }, 'expected --dp-clip'],
  [{ method: 'ia3' }, 'expected --method lora, got ia3'],
  [{ log: 'losses.jsonl' }, 'exact numbers about the data'],
  [{ accumulate: 2 }, '--batch is the expected number'],
  [{ checkpointEvery: 5 }, 'would have to be paid for again'],
  [{ resume: true }, 'would have to be paid for again'],
  [{ newHead: 'sequence' }, 'trains a module whole'],
  [{ dpFreezeA: true, start: 'pissa' }, 'starts from an A of its own'],
])('%o goes with no private training', (change, message) => {
  expect(() => expectPrivate(given)).not.toThrow()
  const { dpEpsilon, dpClip, ...rest } = { ...given, ...change }
  const options = {
    ...rest,
    ...(dpEpsilon === undefined ? {} : { dpEpsilon }),
    ...(dpClip === undefined ? {} : { dpClip }),
  }
  expect(() => expectPrivate(options)).toThrow(LoricaError)
  expect(() => expectPrivate(options)).toThrow(message)
})

test('a delta that giving away one example whole would keep is none', () => {
  const of = { samplingRate: 0.1, steps: 10, examples: 400 }
  expect(() => privatePlan({ ...given, dpDelta: 1 / 400 }, of)).toThrow('is no promise among 400 examples')
  expect(privatePlan({ ...given, dpDelta: 1 / 4000 }, of)).toMatchObject({ delta: 1 / 4000, examples: 400 })
})

test('the promise is in words, with the noise that keeps it', () => {
  const plan = privatePlan(given, { samplingRate: 64 / 579, steps: 60, examples: 579 })
  expect(plan.epsilon).toBeLessThanOrEqual(3)
  expect(plan.epsilon).toBeGreaterThan(2.99)
  const [first, second] = promise(plan)
  expect(first).toMatch(/^the adapter is \(2\.999\d*|3, 1e-5\)/)
  expect(first).toContain('differentially private for each of 579 examples')
  expect(second).toContain('by a secret coin of probability 0.1105')
})
