import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import { gradientName } from '../differentiate/backward.js'
import { batchFeeds } from '../runtime/feeds.js'
import { ort } from '../runtime/ort.js'
import { openModel } from '../source/model.js'
import { batchSize, type TokenBatch } from './batch.js'
import { IGNORED } from './counted.js'
import { buildTrainingGraph } from './graph.js'
import { createRandom } from './random.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url))
const names = readdirSync(golden).filter((name) => existsSync(join(golden, name, 'model/config.json')))

const LENGTHS = [5, 9, 4]
const COLUMNS = 20

interface Example {
  readonly ids: readonly number[]
  readonly labels: readonly number[]
}

const random = createRandom(3, 'packing')
const examples = LENGTHS.map((length): Example => {
  const ids = Array.from({ length }, () => 3 + random.below(40))
  return { ids, labels: ids.map((id, at) => (at === 0 || random.below(4) === 0 ? IGNORED : id)) }
})

/** The rows of examples, each with its own number in the attention mask. */
function batchOf(rows: readonly (readonly Example[])[], columns: number): TokenBatch {
  const filled = (part: (example: Example, segment: number) => readonly number[], rest: number): Int32Array =>
    Int32Array.from(
      rows.flatMap((row) => {
        const numbers = row.flatMap((example, segment) => part(example, segment + 1))
        return [...numbers, ...new Array<number>(columns - numbers.length).fill(rest)]
      }),
    )
  return {
    rows: rows.length,
    columns,
    inputIds: filled(({ ids }) => ids, 1),
    labels: filled(({ labels }) => labels, IGNORED),
    attentionMask: filled(({ ids }, segment) => ids.map(() => segment), 0),
  }
}

const alone = batchOf(
  examples.map((example) => [example]),
  Math.max(...LENGTHS),
)
const together: TokenBatch = {
  ...batchOf([examples], COLUMNS),
  positionIds: Int32Array.from([...LENGTHS.flatMap((length) => [...new Array(length).keys()]), 0, 0]),
}

describe.each(names)('the adapter of %s', (name) => {
  const folder = join(golden, name)
  const model = join(folder, 'model')

  it('learns the same from examples that share a row as from examples alone', async (context) => {
    const { packs } = await openModel(model)
    const { config, tensors } = await readAdapter(join(folder, 'adapter'))
    if (!packs || config.method === 'prompt') return context.skip()
    const outcome = async (batch: TokenBatch) => {
      const request = { model, config, ...batchSize(batch), trainable: 'adapter', purpose: 'train' } as const
      const { graph } = await buildTrainingGraph(request)
      const session = await ort.open(graph)
      const values = await session.run(batchFeeds(graph, tensors, batch))
      await session.close()
      return values
    }
    const [one, other] = [await outcome(alone), await outcome(together)]
    const loss = (values: typeof one): number => values.get('loss')?.data[0] ?? Number.NaN
    expect(Math.abs(loss(one) / loss(other) - 1)).toBeLessThan(1e-6)
    for (const key of tensors.keys()) {
      const [a, b] = [one, other].map((values) =>
        Float64Array.from(values.get(gradientName(key))?.data ?? []),
      )
      const norm = Math.hypot(...(a ?? []))
      const difference = Math.hypot(...(a ?? []).map((value, at) => value - (b?.[at] as number)))
      expect(difference, key).toBeLessThanOrEqual(5e-6 * norm + 1e-9)
    }
  })
})

it('a model that keeps no examples apart refuses rows of several', async () => {
  const request = { model: join(golden, 'bert-mlm/model'), trainable: 'adapter', purpose: 'train' } as const
  const { config } = await readAdapter(join(golden, 'bert-mlm/adapter'))
  await expect(buildTrainingGraph({ ...request, config, ...batchSize(together) })).rejects.toThrow(
    'expected one example a row',
  )
})
