import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import type { Adapter } from '../adapter/adapter.js'
import type { LoraConfig } from '../adapter/lora-config.js'
import { readSafetensors } from '../adapter/safetensors.js'
import { filePool } from '../fold/file-pool.js'
import { tensorSource } from '../fold/tensor-source.js'
import { type Matrix, product, scale, transposed } from '../linear-algebra/matrix.js'
import { openOnDisk } from '../update/range-file.js'
import { openAdapterFolder } from './adapter-folder.js'
import { memberOf } from './cohort.js'
import { type Factors, factorsIn } from './module-factors.js'
import { type StrategySpec, strategyOf } from './strategies.js'
import type { Aggregate } from './strategy.js'

const golden = fileURLToPath(new URL('../../golden/aggregate', import.meta.url))
const expected = await readSafetensors(join(golden, 'expected.safetensors'))
const pool = filePool(openOnDisk)
afterAll(() => pool.close())

const weights = { ann: 0.2, bob: 0.5, cyd: 0.3 }
const twins = { 'twin-ann': 3, 'twin-bob': 1, 'twin-cyd': 4 }
const modules = ['emb', 'layers.0.q', 'layers.0.v', 'layers.1.q', 'layers.1.v']

async function aggregate(spec: StrategySpec, agents: Readonly<Record<string, number>>): Promise<Aggregate> {
  const aggregation = strategyOf(spec).open({ start: null, round: 1, measured: true })
  for (const [id, weight] of Object.entries(agents)) {
    const { config, tensors } = await openAdapterFolder(join(golden, id), pool)
    await aggregation.fold({ id, weight, config, start: null, tensors })
  }
  return aggregation.close()
}

/** Expected float64 values of two axes. */
function numpy(name: string): Matrix {
  const { shape, bytes } = expected.get(name)!
  const data =
    name.startsWith('svd.') || name.startsWith('cat.')
      ? new Float32Array(new Uint8Array(bytes).buffer)
      : new Float64Array(new Uint8Array(bytes).buffer)
  return { rows: shape[0]!, columns: shape[1] ?? 1, data: Float64Array.from(data) }
}

/** scaling * B A */
function change({ scaling, a, b }: Factors): Matrix {
  const result = product(transposed(b), a)
  scale(result.data, scaling)
  return result
}

async function changeOf({ config, tensors }: Adapter, module: string): Promise<Matrix> {
  const member = memberOf({ id: 'found', weight: 1, config, start: null, tensors: tensorSource(tensors) })
  return change((await factorsIn(member, module))[0]!)
}

/** |a - b| / |b| */
function distance(a: { readonly data: Float64Array | Float32Array }, b: Matrix): number {
  const norm = (at: (index: number) => number): number =>
    Math.sqrt(b.data.reduce((sum, _, index) => sum + at(index) ** 2, 0))
  expect(a.data.length).toBe(b.data.length)
  return norm((index) => a.data[index]! - b.data[index]!) / norm((index) => b.data[index]!)
}

describe('adapters of PEFT of several ranks, alphas and scalings', () => {
  test('stacked by flora are their exact weighted sum, and tensor by tensor what PEFT stacks', async () => {
    const { candidate, report } = await aggregate({ strategy: 'flora', maxRank: 12 }, weights)
    for (const module of modules) {
      expect(distance(await changeOf(candidate, module), numpy(`exact.${module}`)), module).toBeLessThan(1e-6)
    }
    for (const [key, { shape, data }] of candidate.tensors) {
      const peft = numpy(`cat.${key}`)
      const isA = /lora_(embedding_)?A/.test(key)
      const padded = new Float64Array(peft.data.length) // PEFT fills all modules up to one rank
      for (let at = 0; at < data.length; at++) {
        const [row, column] = [Math.floor(at / shape[1]!), at % shape[1]!]
        padded[row * (isA ? shape[1]! : peft.columns) + column] = data[at]!
      }
      expect(distance({ data: padded }, peft), key).toBeLessThan(1e-7)
    }
    const { rank, alpha, rslora, rankPattern } = candidate.config as LoraConfig
    expect({ rank, alpha, rslora, rankPattern }).toEqual({
      rank: 12,
      alpha: 12,
      rslora: false,
      rankPattern: { 'layers.1.v': 9 },
    })
    expect(report.error).toBeLessThan(1e-7)
    expect(report.averagedError).toBeGreaterThan(0.3)
  })

  test('compressed by svd to rank 3 are as near as NumPy’s values say, and what PEFT makes of them', async () => {
    const { candidate, report } = await aggregate(
      { strategy: 'svd', target: { rank: 3 }, balance: 'b', partition: false },
      weights,
    )
    for (const [at, module] of modules.entries()) {
      const found = await changeOf(candidate, module)
      expect(distance(found, numpy(`svd.${module}`)), module).toBeLessThan(2e-6)
      const squares = [...numpy(`values.${module}`).data].map((value) => value * value)
      const sum = (values: readonly number[]): number => values.reduce((so, value) => so + value, 0)
      const tail = Math.sqrt(sum(squares.slice(3)) / sum(squares))
      expect(distance(found, numpy(`exact.${module}`))).toBeCloseTo(tail, 6)
      expect(report.modules[at]?.error).toBeCloseTo(tail, 6)
    }
  })
})

test('averaged adapters of one rank, one of them in bfloat16, are the means that NumPy computes', async () => {
  const { candidate } = await aggregate({ strategy: 'fedavg' }, twins)
  for (const [key, tensor] of candidate.tensors)
    expect(distance(tensor, numpy(`mean.${key}`)), key).toBeLessThan(6e-8)
})
