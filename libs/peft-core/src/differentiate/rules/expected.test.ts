import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ort } from '../../runtime/ort.js'
import { differentiate, gradientName } from '../backward.js'
import {
  caseFeeds,
  caseGraph,
  caseNumericGradients,
  evaluate,
  type Numbers,
  type OperatorCase,
  ruleGradients,
} from '../finite-difference.js'
import { differentiableOperators } from './table.js'

interface Expected extends Omit<OperatorCase, 'trained'> {
  readonly outputs: readonly Numbers[]
  readonly gradients: readonly (Numbers | null)[]
}

const expectedCases: readonly Expected[] = JSON.parse(
  readFileSync(new URL('./expected.json', import.meta.url), 'utf8'),
)
const cases = expectedCases.map((expected) => ({
  ...expected,
  trained: expected.gradients.flatMap((gradient, index) => (gradient === null ? [] : [index])),
}))

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length)
  const scale = Math.max(1, ...expected.map(Math.abs))
  for (const [at, number] of expected.entries()) {
    expect(
      Math.abs((actual[at] as number) - number) / scale,
      `number ${at}: ${actual[at]}, not ${number}`,
    ).toBeLessThan(tolerance)
  }
}

describe.each(cases)('$name', (operator) => {
  it('has the value that PyTorch computes', async () => {
    const graph = caseGraph(operator)
    const values = [...(await evaluate(graph, caseFeeds(operator))).values()].slice(1)
    for (const [index, output] of operator.outputs.entries())
      expectClose(values[index] ?? [], output.data, 1e-6)
  })

  it('has the gradients that PyTorch computes', async () => {
    const gradients = await ruleGradients(operator)
    for (const [at, index] of operator.trained.entries()) {
      expectClose(gradients[at] ?? [], operator.gradients[index]?.data ?? [], 1e-6)
    }
  })

  // Where two inputs tie there is no derivative to measure.
  it.skipIf(operator.name.endsWith('of a tie'))('has the gradients that differences measure', async () => {
    const [gradients, measured] = [await ruleGradients(operator), await caseNumericGradients(operator)]
    for (const [at, numbers] of measured.entries()) expectClose(gradients[at] ?? [], numbers, 1e-6)
  })
})

const single = (numbers: Numbers | null): Numbers | null =>
  numbers?.element === 'float64' ? { ...numbers, element: 'float32' } : numbers

it.each(cases)(
  '$name has the gradients that PyTorch computes when onnxruntime runs it in float32',
  async (operator) => {
    const [inputs, upstream] = [operator.inputs.map(single), operator.upstream.map(single)]
    const names = operator.trained.map((index) => `x${index}`)
    const session = await ort.open(differentiate(caseGraph({ ...operator, inputs, upstream }), 'loss', names))
    const feeds = new Map([...caseFeeds(operator)].map(([name, data]) => [name, Float32Array.from(data)]))
    const values = await session.run(feeds)
    await session.close()
    for (const [at, index] of operator.trained.entries()) {
      const gradient = values.get(gradientName(names[at] as string))?.data ?? []
      expectClose(Array.from(gradient), operator.gradients[index]?.data ?? [], 2e-5)
    }
  },
)

it('covers every operator that has a rule but Cast, which a test of its own covers', () => {
  const covered = cases.map(({ op, domain }) => (domain === '' ? op : `${domain}.${op}`))
  expect([...new Set([...covered, 'Cast'])].sort()).toEqual(differentiableOperators)
})
