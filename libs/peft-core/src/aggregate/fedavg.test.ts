import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TensorMap } from '../adapter/tensor.js'
import { tensorChunks } from '../update/update-file.js'
import { fedAvg, type WeightedUpdate } from './fedavg.js'

function tensors(values: Readonly<Record<string, readonly number[]>>): TensorMap {
  return new Map(
    Object.entries(values).map(([name, data]) => [
      name,
      { shape: [data.length], data: Float32Array.from(data) },
    ]),
  )
}

function update(
  id: string,
  weight: number,
  values: Readonly<Record<string, readonly number[]>>,
): WeightedUpdate {
  return { id, weight, chunks: () => tensorChunks(tensors(values)) }
}

describe('fedAvg', () => {
  test('weights 1 and 3 give shares of a quarter and three quarters', async () => {
    const result = await fedAvg(tensors({ a: [10, -2], b: [0.5] }), [
      update('x', 100, { a: [4, 8], b: [2] }),
      update('y', 300, { a: [-4, 16], b: [6] }),
    ])
    expect([...result.get('a')!.data]).toEqual([10 + 0.25 * 4 - 0.75 * 4, -2 + 0.25 * 8 + 0.75 * 16])
    expect([...result.get('b')!.data]).toEqual([0.5 + 0.25 * 2 + 0.75 * 6])
  })

  test('a single update is added whole, whatever its weight', async () => {
    const result = await fedAvg(tensors({ a: [1.5, 2] }), [update('x', 7, { a: [0.25, -5] })])
    expect([...result.get('a')!.data]).toEqual([1.75, -3])
  })

  test('sums are kept in 64 bits: 2^24 + 1 - 2^24 is 1, which 32 bits would lose', async () => {
    const large = 2 ** 26
    const updates = [large, 4, -large, 0].map((value, index) => update(`u${index}`, 1, { a: [value] }))
    const result = await fedAvg(tensors({ a: [0.5] }), updates)
    expect(result.get('a')!.data[0]).toBe(1.5)
  })

  test('updates whose sum depends on the order are folded by id, whichever comes first', async () => {
    const [x, y, z, w] = [2 ** 62, 4, -(2 ** 62), 0].map((value, index) =>
      update(`u${index}`, 1, { a: [value] }),
    )
    const orders = [
      [x, y, z, w],
      [x, z, y, w],
      [y, w, z, x],
    ]
    const results = await Promise.all(
      orders.map((order) => fedAvg(tensors({ a: [0.5] }), order as WeightedUpdate[])),
    )
    expect(results.map((result) => result.get('a')!.data[0])).toEqual([0.5, 0.5, 0.5])
  })

  test('the order of arrival does not change one bit', async () => {
    const value = fc.float({ noNaN: true, min: -1000, max: 1000 })
    const row = fc.record({
      weight: fc.integer({ min: 1, max: 5000 }),
      data: fc.array(value, { minLength: 3, maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 2, maxLength: 6 }),
        fc.infiniteStream(fc.nat()),
        async (rows, keys) => {
          const base = tensors({ a: [0.1, -0.7, 3] })
          const updates = rows.map(({ weight, data }, index) => update(`u${index}`, weight, { a: data }))
          const shuffled = updates
            .map((item) => ({ item, key: keys.next().value }))
            .sort((p, q) => p.key - q.key)
          const one = await fedAvg(base, updates)
          const other = await fedAvg(
            base,
            shuffled.map(({ item }) => item),
          )
          expect(
            Buffer.from(other.get('a')!.data.buffer).equals(Buffer.from(one.get('a')!.data.buffer)),
          ).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('an update that lacks a value, adds a tensor, or has no weight is refused by name', async () => {
    const base = tensors({ a: [1, 2, 3] })
    await expect(fedAvg(base, [update('x', 2, { a: [1, 2] })])).rejects.toThrow(
      'update x expected all values of a, 1 are missing',
    )
    await expect(fedAvg(base, [update('x', 2, { a: [1, 2, 3], z: [4] })])).rejects.toThrow('got z at 0')
    await expect(fedAvg(base, [update('x', 0, { a: [1, 2, 3] })])).rejects.toThrow(
      'weight of x expected > 0, got 0',
    )
    await expect(fedAvg(base, [])).rejects.toThrow('expected at least one')
  })

  test('a sum beyond 32 bits is refused', async () => {
    const base = tensors({ a: [3e38] })
    await expect(fedAvg(base, [update('x', 2, { a: [3e38] })])).rejects.toThrow('a[0] expected a finite sum')
  })
})
