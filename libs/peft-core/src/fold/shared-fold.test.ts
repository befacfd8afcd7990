import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRandom } from '../train/random.js'
import { hired, released } from './fold-staff.js'
import { awaited, claim, claims, createSharedBlocks, found, halt, put, taken } from './shared-blocks.js'
import { foldStored } from './shared-fold.js'
import { openStoredFold, type StoredSum } from './stored-fold.js'

const HEADER_BYTES = 12
const LENGTHS = [700, 3, 1290] // of the tensors, which lie in the files in another order
const ORDER = [2, 0, 1]
const SHARES = [0.4, 0.1, 0.2, 0.05, 0.15, 0.1]

let folder: string
let sum: StoredSum
let expected: readonly Float32Array[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-shared-fold-'))
  const random = createRandom(5, 'shared fold')
  const drawn = () => LENGTHS.map((length) => Float32Array.from({ length }, () => random.uniform() - 0.5))
  const agents = SHARES.map(drawn)
  const start = drawn()
  const offsets = LENGTHS.map((_, tensor) =>
    ORDER.slice(0, ORDER.indexOf(tensor)).reduce(
      (all, one) => all + 4 * (LENGTHS[one] as number),
      HEADER_BYTES,
    ),
  )
  const paths = await Promise.all(
    agents.map(async (tensors, agent) => {
      const path = join(folder, `${agent}.bin`)
      const parts = ORDER.map((tensor) => new Uint8Array((tensors[tensor] as Float32Array).buffer))
      await writeFile(path, Buffer.concat([new Uint8Array(HEADER_BYTES), ...parts]))
      return path
    }),
  )
  sum = {
    terms: paths.map((path, agent) => ({ path, share: SHARES[agent] as number })),
    positions: Float64Array.from(LENGTHS.flatMap((_, tensor) => paths.map(() => offsets[tensor] as number))),
    tensors: LENGTHS.map((length, index) => ({
      ...{ name: `t${index}`, index, length },
      starts: [{ data: start[index] as Float32Array, share: 1 }],
    })),
    blockValues: 64,
  }
  expected = LENGTHS.map((length, tensor) =>
    Float32Array.from({ length }, (_, at) => {
      const terms = agents.map(
        (tensors, agent) => (SHARES[agent] as number) * (tensors[tensor]?.[at] as number),
      )
      return terms.reduce((all, term) => all + term, 0) + (start[tensor]?.[at] as number)
    }),
  )
})

afterAll(() => rm(folder, { recursive: true, force: true }))

async function folded(of: StoredSum, threads: number): Promise<readonly Float32Array[]> {
  const results = LENGTHS.map((length) => new Float32Array(length))
  const order: number[] = []
  await foldStored(
    of,
    ({ parts }, values, fits) => {
      expect(fits).toBe(true)
      for (const { of: tensor, start, at, count } of parts) {
        const index = of.tensors.indexOf(tensor)
        order.push(index)
        results[index]?.set(values.subarray(at, at + count), start)
      }
    },
    threads,
  )
  expect(order).toEqual(order.toSorted((one, other) => one - other))
  return results
}

describe('a sum of stored tensors', () => {
  test.each([1, 2, 4])(
    'is the same to the bit by %i threads, in the order of its tensors',
    async (threads) => {
      expect(await folded(sum, threads)).toEqual(expected)
    },
  )

  test('names the file that ends too early, by any number of threads', async () => {
    const path = join(folder, 'short.bin')
    await writeFile(path, new Uint8Array(HEADER_BYTES + 4 * 1993))
    await truncate(path, HEADER_BYTES + 4 * 1500)
    const short = { ...sum, terms: [...sum.terms.slice(1), { path, share: 0.4 }] }
    for (const threads of [1, 3])
      await expect(folded(short, threads)).rejects.toThrow(/file expected \d+ bytes at/)
    expect(await folded(sum, 3)).toEqual(expected)
  })
})

test('a thread sums all blocks of which nobody else takes any', () => {
  const [thread] = hired(1)
  const fold = openStoredFold(sum)
  const shared = createSharedBlocks(fold.blocks.length, sum.blockValues)
  thread?.postMessage({ sum, shared })
  try {
    expect(fold.blocks.length).toBe(32)
    for (const [index, { count }] of fold.blocks.entries()) {
      expect(awaited(shared, index, 20_000)).toBe(true)
      expect(found(shared, index)?.slice(0, count)).toEqual(fold.sumOf(index).values)
      taken(shared, index)
    }
  } finally {
    fold.close()
    halt(shared)
    if (thread !== undefined) released([thread], true)
  }
})

describe('shared blocks', () => {
  test('are claimed once each, and no more than there are slots for', () => {
    const shared = createSharedBlocks(20, 4)
    const own = Array.from({ length: 8 }, () => claim(shared))
    expect(own).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(claim(shared)).toBeUndefined()
    taken(shared, 2)
    expect([claim(shared), claim(shared), claim(shared), claim(shared)]).toEqual([8, 9, 10, undefined])
  })

  test('hold what was handed in, and who waits for one that never comes is told', () => {
    const shared = createSharedBlocks(20, 3)
    for (let index = 0; index < 8; index++) claim(shared)
    put(shared, 5, Float32Array.of(1.5, -2, 7))
    put(shared, 6, null)
    expect([found(shared, 4), found(shared, 5), found(shared, 6)]).toEqual([
      undefined,
      Float32Array.of(1.5, -2, 7),
      null,
    ])
    expect([awaited(shared, 5, 1), awaited(shared, 6, 1), awaited(shared, 4, 1)]).toEqual([true, true, false])
    taken(shared, 5)
    expect(found(shared, 13)).toBeUndefined() // the slot still holds block 5
  })

  test('are not claimed any more after a halt', () => {
    const shared = createSharedBlocks(20, 3)
    const work = claims(shared)
    expect([work.next().value, work.next().value]).toEqual([0, 1])
    halt(shared)
    expect(work.next().done).toBe(true)
  })
})
