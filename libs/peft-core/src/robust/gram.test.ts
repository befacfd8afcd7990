import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPeftConfig } from '../adapter/peft-config.js'
import type { Tensor } from '../adapter/tensor.js'
import { adapterReader } from './factor-reader.js'
import { gramMatrix } from './gram.js'
import {
  combined,
  denseUpdate,
  expected,
  type PlainAdapter,
  parts,
  readerOf,
  updatesOf,
} from './robust-case.fixture.js'

const start = readerOf(expected.start)

function expectClose(got: ArrayLike<number>, wanted: readonly number[], relative = 1e-12): void {
  expect(got.length).toBe(wanted.length)
  const size = Math.max(...wanted.map(Math.abs))
  for (const [at, value] of wanted.entries())
    expect(Math.abs((got[at] as number) - value), `value ${at}`).toBeLessThanOrEqual(relative * size)
}

describe('gramMatrix', () => {
  test.each(['mixed', 'both'] as const)('%s: numpy has the same from dense updates', async (name) => {
    const { adapters, gram } = expected[name]
    expectClose((await gramMatrix(start, updatesOf(adapters), parts)).data, gram)
  })

  test('a change of a millionth of the weights keeps its digits', async () => {
    const moved = (shift: number): PlainAdapter => ({
      head: expected.start.head,
      modules: Object.fromEntries(
        Object.entries(expected.start.modules).map(([name, module]) => [
          name,
          { ...module, b: module.b.map((value, at) => value + shift * ((at % 3) - 0.5)) },
        ]),
      ),
    })
    const small = await gramMatrix(start, updatesOf([moved(2 ** -20)]), parts)
    const large = await gramMatrix(start, updatesOf([moved(1)]), parts)
    expect(small.data[0]! * 2 ** 40).toBeCloseTo(large.data[0]!, 6)
  })

  test('factors in another basis, (B Q)(Q^-1 A), are the same update', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.2, max: 3, noNaN: true }),
        fc.double({ min: -2, max: 2, noNaN: true }),
        async (stretch, shear) => {
          const turned = expected.both.adapters.map((adapter) => inBasis(adapter, stretch, shear))
          expectClose((await gramMatrix(start, updatesOf(turned), parts)).data, expected.both.gram, 1e-9)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('updates in another order give the same numbers in that order', async () => {
    const { adapters, gram } = expected.both
    const turned = (await gramMatrix(start, updatesOf(adapters.toReversed()), parts)).data
    expectClose(turned.toReversed(), gram)
  })

  test('a value that is no number is told with its update and its module', async () => {
    const [first, second] = expected.mixed.adapters as [PlainAdapter, PlainAdapter]
    const v = second.modules.v!
    const damaged = {
      ...second,
      modules: { ...second.modules, v: { ...v, a: v.a.with(4, Number.POSITIVE_INFINITY) } },
    }
    await expect(gramMatrix(start, updatesOf([first, damaged]), parts)).rejects.toThrow(
      'update agent-1 expected finite values of A of v, got Infinity',
    )
    await expect(
      gramMatrix(start, updatesOf([{ ...first, head: [1, 2, Number.NaN, 3] }]), parts),
    ).rejects.toThrow('update agent-0 expected finite values of head, got NaN')
    await expect(gramMatrix(start, updatesOf([{ ...first, head: [1, 2] }]), parts)).rejects.toThrow(
      'update agent-0 expected 4 values of head, got 2',
    )
    await expect(gramMatrix(start, [], parts)).rejects.toThrow('at least one')
  })

  test('the dense updates of numpy are those of the fixture', () => {
    const { adapters, updates } = expected.both
    expectClose(
      combined(
        updates,
        adapters.map((_, at) => (at === 3 ? 1 : 0)),
      ),
      denseUpdate(adapters[3]!, expected.start),
    )
  })
})

describe('adapterReader', () => {
  const tensor = (shape: readonly number[], from: number): Tensor => ({
    shape,
    data: Float32Array.from(
      { length: shape.reduce((product, side) => product * side, 1) },
      (_, at) => from + at,
    ),
  })

  test('the factors of experts are modules of their own', () => {
    const config = createPeftConfig({
      method: 'lora',
      rank: 2,
      alpha: 6,
      targets: [],
      rslora: false,
      targetParameters: ['mlp.experts.down_proj'],
    })
    const path = 'base_model.model.layers.0.mlp.experts'
    const tensors = new Map([
      [`${path}.lora_A.weight`, tensor([6, 2], 0)], // 3 experts of rank 2
      [`${path}.lora_B.weight`, tensor([4, 6], 100)],
    ])
    const reader = adapterReader({ config, tensors })
    expect(reader.modules).toEqual([
      'layers.0.mlp.experts#0',
      'layers.0.mlp.experts#1',
      'layers.0.mlp.experts#2',
    ])
    const { a, b, rank, scaling } = reader.factors('layers.0.mlp.experts#1') as {
      a: Float32Array
      b: Float32Array
      rank: number
      scaling: number
    }
    expect([rank, scaling]).toEqual([2, 3])
    expect([...a]).toEqual([4, 5, 6, 7])
    expect([...b]).toEqual([101, 104, 107, 110, 113, 116, 119, 122])
  })

  test('a bias of B counts with the scaling, a saved head as it is', () => {
    const config = createPeftConfig({
      method: 'lora',
      rank: 2,
      alpha: 6,
      targets: ['q'],
      rslora: false,
      loraBias: true,
      modulesToSave: ['score'],
    })
    const tensors = new Map([
      ['base_model.model.q.lora_A.weight', tensor([2, 3], 0)],
      ['base_model.model.q.lora_B.weight', tensor([2, 2], 7)],
      ['base_model.model.q.lora_B.bias', tensor([2], 5)],
      ['base_model.model.score.weight', tensor([1, 2], 8)],
    ])
    const reader = adapterReader({ config, tensors })
    expect(reader.modules).toEqual(['q'])
    expect(reader.tensors).toEqual(['base_model.model.q.lora_B.bias', 'base_model.model.score.weight'])
    expect([...(reader.values('base_model.model.q.lora_B.bias') as Float64Array)]).toEqual([15, 18])
    expect([...(reader.values('base_model.model.score.weight') as Float64Array)]).toEqual([8, 9])
  })
})

/** The same products from A' = Q^-1 A and B' = B Q with Q = [[stretch, shear], [0, 1]]. */
function inBasis(adapter: PlainAdapter, stretch: number, shear: number): PlainAdapter {
  const modules = Object.entries(adapter.modules).map(([name, module]) => {
    const inputs = module.a.length / 2
    const a = module.a.map((value, at) =>
      at < inputs ? (value - shear * module.a[at + inputs]!) / stretch : value,
    )
    const b = module.b.map((value, at) =>
      at % 2 === 0 ? value * stretch : value + shear * module.b[at - 1]!,
    )
    return [name, { ...module, a, b }] as const
  })
  return { ...adapter, modules: Object.fromEntries(modules) }
}
