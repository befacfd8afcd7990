import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AggregationReport } from '@lorica/peft-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { outputOf, runLorica } from './support/lorica.js'

const script = fileURLToPath(new URL('aggregate-interop.py', import.meta.url))
const python = process.env.LORICA_PYTHON ?? 'python3'
const hasPeft = spawnSync(python, ['-c', 'import torch, transformers, peft, safetensors, numpy']).status === 0
if (!hasPeft)
  console.warn(`skipped: ${python} has no torch, transformers and peft (LORICA_PYTHON names another)`)

/** What PEFT makes of an aggregate. */
interface InPeft {
  readonly error: number
  readonly fromBest: number
  readonly head: number
  readonly merged: number
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-aggregate-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Aggregates of agents of mixed ranks (m) and of agents that are alike (t). */
const aggregates = [
  ['m-flora', 'flora', []],
  ['m-svd', 'svd', ['--rank', '3']],
  ['t-fedavg', 'fedavg', []],
  ['t-fedex', 'fedex', []],
] as const

describe.skipIf(!hasPeft).each([20, 31])(
  'adapters of PEFT from the seed %i, aggregated here and loaded there',
  (seed) => {
    test('do what their float64 formula says, and are off by what the report says', async () => {
      const root = join(folder, String(seed))
      const { weights } = JSON.parse(await outputOf(python, [script, 'make', root, String(seed)])) as {
        weights: readonly number[]
      }
      const reports = new Map<string, AggregationReport>()
      for (const [name, strategy, options] of aggregates) {
        const agents = weights.map((weight, at) => `${join(root, `${name[0]}${at}`)}=${weight}`)
        const out = join(root, `out-${name}`)
        const command = ['aggregate', '--strategy', strategy, '--out', out, ...options, ...agents]
        reports.set(name, await runLorica<AggregationReport>(command))
      }
      const found = JSON.parse(await outputOf(python, [script, 'check', root, String(seed)])) as Record<
        string,
        InPeft
      >
      expect(Object.keys(found).toSorted()).toEqual(aggregates.map(([name]) => name).toSorted())
      for (const [name, { error, head, merged }] of Object.entries(found)) {
        expect(Math.abs(error - reports.get(name)!.error!), name).toBeLessThan(1e-6)
        expect(head, name).toBeLessThan(1e-6)
        expect(merged, name).toBeLessThan(1e-4)
      }
      for (const name of ['m-flora', 't-fedex']) expect(found[name]!.error, name).toBeLessThan(1e-6)
      expect(found['m-svd']!.fromBest).toBeLessThan(2e-6)
      expect(found['t-fedavg']!.error).toBeGreaterThan(0.1)
    })
  },
)
