import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { TokenBatch } from '../train/batch.js'
import { createSecretRandom, type SecretRandom } from '../train/secret-random.js'
import { poissonSteps, samplingRate } from './poisson-steps.js'
import type { RowSource } from './row-source.js'

const COUNT = 40

/** Examples of two tokens, both the number of the example. */
const source: RowSource = {
  count: COUNT,
  rowsPerEpoch: COUNT,
  epoch: () => ({ count: COUNT, row: (index) => [index] }),
  inOrder: () => ({ count: COUNT, row: (index) => [index] }),
  example: (index) => [index],
  batch(rows): TokenBatch {
    const inputIds = Int32Array.from(rows.flatMap(([index = 0]) => [index, index]))
    const attentionMask = inputIds.map(() => 1)
    return { rows: rows.length, columns: 2, inputIds, attentionMask, labels: inputIds.slice() }
  },
}

/** Coins that fall the same in each run of a test: words of SHA-256 in counter mode. */
function fixed(seed: number): SecretRandom {
  let block = 0
  return createSecretRandom((words) => {
    for (let at = 0; at < words.length; at += 8) {
      const digest = createHash('sha256').update(`${seed} ${block++}`).digest()
      for (let word = 0; word < 8; word++) words[at + word] = digest.readUInt32LE(4 * word)
    }
  })
}

/** The examples that count in a step, and the sizes of its micro-batches. */
function drawn(batches: Iterable<TokenBatch>) {
  const all = [...batches]
  const counted = all.flatMap(({ labels, inputIds }) =>
    [...labels.keys()]
      .filter((at) => at % 2 === 0 && labels[at] !== -100)
      .map((at) => inputIds[at] as number),
  )
  return { counted, sizes: all.map(({ rows }) => rows) }
}

test('every example takes part by a coin of its own, none twice and none left out', () => {
  const steps = 4000
  const plan = { expectedExamples: 6, rows: 4, steps, random: fixed(3) }
  const times = new Array<number>(COUNT).fill(0)
  const together = { both: 0 }
  const sizes: number[] = []
  for (const step of poissonSteps(source, plan)) {
    const { counted } = drawn(step)
    expect(new Set(counted).size).toBe(counted.length)
    for (const index of counted) times[index] = (times[index] as number) + 1
    if (counted.includes(7) && counted.includes(8)) together.both++
    sizes.push(counted.length)
  }
  const rate = 6 / COUNT
  const within = (found: number, probability: number) =>
    expect(Math.abs(found / steps - probability)).toBeLessThan(
      5.5 * Math.sqrt((probability * (1 - probability)) / steps),
    )
  for (const found of times) within(found, rate)
  within(together.both, rate ** 2) // neighbours do not know of each other
  const mean = sizes.reduce((sum, size) => sum + size) / steps
  const variance = sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / steps
  expect(mean).toBeCloseTo(6, 0)
  expect(variance).toBeGreaterThan(0.85 * COUNT * rate * (1 - rate)) // a batch of one size would have none
  expect(variance).toBeLessThan(1.15 * COUNT * rate * (1 - rate))
})

test('a step that draws many has as many micro-batches as they need, and one that draws none has none', () => {
  const all = { ...fixed(1), coin: () => true }
  const [many] = poissonSteps(source, { expectedExamples: 5, rows: 7, steps: 1, random: all })
  const { counted, sizes } = drawn(many as Iterable<TokenBatch>)
  expect(counted).toEqual([...Array(COUNT).keys()])
  expect(sizes).toEqual([7, 7, 7, 7, 7, 7]) // the last has two rows that do not count
  const none = { ...fixed(1), coin: () => false }
  const steps = [...poissonSteps(source, { expectedExamples: 5, rows: 7, steps: 3, random: none })]
  expect(steps.map((step) => [...step].length)).toEqual([0, 0, 0])
})

test('two runs draw other examples: there is no seed', () => {
  const plan = { expectedExamples: 10, rows: 8, steps: 12 }
  const run = () => [...poissonSteps(source, plan)].map((step) => drawn(step).counted.join(' '))
  expect(run()).not.toEqual(run())
})

test('rows that share examples, and more examples than there are, are refused', () => {
  const { example: _, ...shared } = source
  expect(() => [...poissonSteps(shared, { expectedExamples: 2, rows: 2, steps: 1 })]).toThrow(
    /share examples/,
  )
  expect(samplingRate(source, 10)).toBe(0.25)
  expect(() => samplingRate(source, COUNT + 1)).toThrow(/expected at least as many in the data, got 40/)
})
