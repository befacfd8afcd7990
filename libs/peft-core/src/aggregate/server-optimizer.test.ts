import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tensorSource } from '../fold/tensor-source.js'
import { averaged } from './agents.fixture.js'
import { changeBetween, type ServerOptimizer, type ServerState, serverStep } from './server-optimizer.js'
import { decodeServerState, encodeServerState } from './server-state-file.js'

interface Path {
  readonly path: readonly (readonly number[])[]
  readonly v?: readonly (readonly number[])[]
}

const numpy = JSON.parse(
  readFileSync(new URL('server-optimizer.expected.json', import.meta.url), 'utf8'),
) as {
  readonly start: readonly number[]
  readonly changes: readonly (readonly number[])[]
  readonly settings: { learningRate: number; momentum: number; beta1: number; beta2: number; tau: number }
} & Readonly<Record<'fedavgm' | 'fedadagrad' | 'fedadam' | 'fedyogi' | 'corrected', Path>>

const { momentum, ...adaptive } = numpy.settings
const { beta2: _, ...adagrad } = adaptive
const optimizers = {
  fedavgm: { optimizer: 'fedavgm', learningRate: numpy.settings.learningRate, momentum },
  fedadagrad: { optimizer: 'fedadagrad', ...adagrad },
  fedadam: { optimizer: 'fedadam', ...adaptive },
  fedyogi: { optimizer: 'fedyogi', ...adaptive },
  corrected: { optimizer: 'fedadam', ...adaptive, biasCorrection: true },
} as const satisfies Readonly<Record<string, ServerOptimizer>>

const names = ['fedavgm', 'fedadagrad', 'fedadam', 'fedyogi', 'corrected'] as const
const one = (values: readonly number[]) =>
  new Map([['b', { shape: [values.length], data: Float32Array.from(values) }]])
const changeOf = (values: readonly number[] | undefined) => new Map([['b', Float64Array.from(values ?? [])]])

describe('serverStep', () => {
  test.each(names)('%s follows the path of numpy for three rounds', (name) => {
    let tensors = one(numpy.start) as ReturnType<typeof serverStep>['tensors']
    let state: ServerState | undefined
    for (const [round, change] of numpy.changes.entries()) {
      const stepped = serverStep(optimizers[name], { base: tensors, change: changeOf(change) }, state)
      tensors = stepped.tensors
      state = decodeServerState(Buffer.from(encodeServerState(stepped.state))) // as after a restart
      expect(state).toEqual(stepped.state)
      for (const [at, value] of numpy[name].path[round]!.entries())
        expect(Math.abs(tensors.get('b')!.data[at]! - value)).toBeLessThan(3e-7) // float32 between rounds
      for (const [at, value] of (numpy[name].v?.[round] ?? []).entries())
        expect(Math.abs(state.moments.get('b')!.second[at]! - value)).toBeLessThan(1e-15)
    }
  })

  test('without momentum and with rate 1, FedAvgM is averaging to the bit', async () => {
    const value = fc.float({ noNaN: true, min: -1000, max: 1000 })
    const rows = fc.array(fc.array(value, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 3, maxLength: 3 }), rows, async (start, changes) => {
        const base = one(start)
        const updates = changes.map((row, at) => ({
          id: `u${at}`,
          weight: at + 1,
          tensors: tensorSource(one(row)),
        }))
        const total = (changes.length * (changes.length + 1)) / 2
        const change = Float64Array.from(start, (_, at) =>
          changes.reduce((sum, row, index) => sum + ((index + 1) / total) * Math.fround(row[at]!), 0),
        )
        const plain = { optimizer: 'fedavgm', learningRate: 1, momentum: 0 } as const
        const { tensors } = serverStep(plain, { base, change: new Map([['b', change]]) })
        expect(tensors.get('b')!.data).toEqual((await averaged(base, updates)).get('b')!.data)
      }),
      { numRuns: 50 },
    )
  })

  test('FedYogi’s second moment stays positive and moves by at most (1 - beta2) D^2', () => {
    const options = { optimizer: 'fedyogi', learningRate: 0.01, beta1: 0.9, beta2: 0.7, tau: 0.05 } as const
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 30 }),
        (changes) => {
          let before = 0.05 ** 2
          let state: ServerState | undefined
          for (const d of changes) {
            state = serverStep(options, { base: one([0.5]), change: changeOf([d]) }, state).state
            const after = state.moments.get('b')!.second[0]!
            expect(after).toBeGreaterThanOrEqual(0)
            expect(Math.abs(after - before)).toBeLessThanOrEqual(
              0.3 * d * d * (1 + 1e-9) + 1e-15 * (1 + before + after),
            )
            before = after
          }
        },
      ),
    )
  })

  test('a factor that is frozen in a round keeps its values and its moments', () => {
    const base = new Map([...one([1, 2]), ['a', { shape: [1], data: Float32Array.of(7) }]])
    const options = optimizers.corrected
    const first = serverStep(options, { base, change: new Map([['a', Float64Array.of(0.5)]]) })
    expect(first.tensors.get('b')!.data).toEqual(Float32Array.of(1, 2))
    const second = serverStep(options, { base: first.tensors, change: changeOf([0.1, -0.2]) }, first.state)
    expect(second.state.moments.get('a')).toEqual(first.state.moments.get('a'))
    const third = serverStep(
      options,
      { base: second.tensors, change: new Map([['a', Float64Array.of(0.5)]]) },
      second.state,
    )
    expect(third.state.moments.get('a')!.rounds).toBe(2)
    const straight = serverStep(
      options,
      { base: first.tensors, change: new Map([['a', Float64Array.of(0.5)]]) },
      first.state,
    )
    expect(third.tensors.get('a')).toEqual(straight.tensors.get('a'))
  })

  test('what it is given stays as it was', () => {
    const [base, change] = [one([1, 2]), changeOf([0.5, -3])]
    const { state } = serverStep(optimizers.fedadam, { base, change })
    const kept = structuredClone(state)
    serverStep(optimizers.fedadam, { base, change }, state)
    expect([base, change, state]).toEqual([one([1, 2]), changeOf([0.5, -3]), kept])
  })

  test('a change is new minus old, in float64', () => {
    const change = changeBetween(one([2 ** 24, 3]), one([2 ** 24 + 2, 2.5]))
    expect([...change.get('b')!]).toEqual([2, -0.5])
    expect(() => changeBetween(one([1]), one([1, 2]))).toThrow('tensor "b" expected 1 values, got 2')
  })

  test.each([
    [
      { optimizer: 'fedavgm', learningRate: 0, momentum: 0.5 },
      'learningRate expected a number above 0, got 0',
    ],
    [{ optimizer: 'fedavgm', learningRate: 2, momentum: 1 }, 'momentum expected a number in [0, 1), got 1'],
    [{ ...optimizers.fedadam, beta2: -0.1 }, 'beta2 expected a number in [0, 1), got -0.1'],
    [{ ...optimizers.fedyogi, tau: 0 }, 'tau expected a number above 0, got 0'],
  ] as const)('%j is refused', (options, message) => {
    expect(() => serverStep(options, { base: one([1]), change: changeOf([2]) })).toThrow(message)
  })

  test('another optimiser’s state, a change of another size and a result beyond float32 are refused', () => {
    const { state } = serverStep(optimizers.fedadam, { base: one([1]), change: changeOf([2]) })
    const given = { base: one([1]), change: changeOf([2]) }
    expect(() => serverStep(optimizers.fedyogi, given, state)).toThrow(
      'expected to be of fedyogi, got fedadam',
    )
    expect(() => serverStep(optimizers.fedadam, { ...given, change: changeOf([2, 3]) })).toThrow(
      'expected 1 values, got 2',
    )
    expect(() =>
      serverStep(optimizers.fedadam, { base: one([1, 2]), change: changeOf([2, 3]) }, state),
    ).toThrow('expected 2 moments, got 1')
    const plain = { optimizer: 'fedavgm', learningRate: 1, momentum: 0 } as const
    expect(() => serverStep(plain, { base: one([3e38]), change: changeOf([3e38]) })).toThrow(
      'b[0] expected a finite value',
    )
  })
})

test('a file of another kind is refused', () => {
  const { state } = serverStep(optimizers.fedadam, { base: one([1]), change: changeOf([2]) })
  const file = Buffer.from(encodeServerState(state))
  const renamed = Buffer.from(file.toString('latin1').replace('fedadam', 'fedodam'), 'latin1')
  expect(() => decodeServerState(renamed)).toThrow(
    'expected one of fedavgm, fedadagrad, fedadam, fedyogi, got fedodam',
  )
  const lacking = Buffer.from(file.toString('latin1').replace('second:b', 'sekond:b'), 'latin1')
  expect(() => decodeServerState(lacking)).toThrow('a tensor "sekond:b" of no use')
  expect(() => decodeServerState(file.subarray(0, file.length - 8))).toThrow(RangeError)
})
