import { expect, test } from 'vitest'
import type { TensorMap } from '../adapter/tensor.js'
import { tensorSource } from '../fold/tensor-source.js'
import { averaged } from './agents.fixture.js'

function tensors(values: Readonly<Record<string, readonly number[]>>): TensorMap {
  return new Map(
    Object.entries(values).map(([name, data]) => [
      name,
      { shape: [data.length], data: Float32Array.from(data) },
    ]),
  )
}

const change = (id: string, weight: number, values: Readonly<Record<string, readonly number[]>>) => ({
  ...{ id, weight },
  tensors: tensorSource(tensors(values)),
})

test('weights 100 and 300 give shares of a quarter and three quarters', async () => {
  const result = await averaged(tensors({ a: [10, -2], b: [0.5] }), [
    change('x', 100, { a: [4, 8], b: [2] }),
    change('y', 300, { a: [-4, 16], b: [6] }),
  ])
  expect([...result.get('a')!.data]).toEqual([10 + 0.25 * 4 - 0.75 * 4, -2 + 0.25 * 8 + 0.75 * 16])
  expect([...result.get('b')!.data]).toEqual([0.5 + 0.25 * 2 + 0.75 * 6])
})

test('sums are kept in 64 bits: 2^26 + 4 - 2^26 is 4, of which 32 bits would lose all', async () => {
  const changes = [2 ** 26, 4, -(2 ** 26), 0].map((value, at) => change(`u${at}`, 1, { a: [value] }))
  expect((await averaged(tensors({ a: [0.5] }), changes)).get('a')!.data[0]).toBe(1.5)
})

test('changes whose sum depends on the order are added by id, whichever comes first', async () => {
  const changes = [2 ** 62, 4, -(2 ** 62), 0].map((value, at) => change(`u${at}`, 1, { a: [value] }))
  const orders = [changes, changes.toReversed(), [0, 2, 1, 3].map((at) => changes[at]!)]
  const results = await Promise.all(orders.map((order) => averaged(tensors({ a: [0.5] }), order)))
  for (const result of results) expect(result.get('a')!.data).toEqual(results[0]!.get('a')!.data)
})

test('a sum beyond 32 bits is refused', async () => {
  const base = tensors({ a: [3e38] })
  await expect(averaged(base, [change('x', 2, { a: [3e38] })])).rejects.toThrow('a[0] expected a finite sum')
})
