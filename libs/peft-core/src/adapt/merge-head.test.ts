import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Adapter } from '../adapter/adapter.js'
import { readSafetensors } from '../adapter/safetensors.js'
import { encodeSafetensors } from '../adapter/safetensors-write.js'
import { batchFeeds } from '../runtime/feeds.js'
import { ort } from '../runtime/ort.js'
import type { NewHead } from '../source/new-head.js'
import type { Batch } from '../train/batch.js'
import { buildTrainingGraph } from '../train/graph.js'
import { createRandom } from '../train/random.js'
import { mergeAdapter } from './merge.js'
import { createAdapter } from './start.js'

const model = (name: string): string => fileURLToPath(new URL(`../../golden/${name}/model`, import.meta.url))
const spec = { method: 'lora', rank: 2, alpha: 4, targets: 'all-linear', rslora: false } as const
const labels = ['no', 'maybe', 'yes', 'never', 'often', 'rarely']

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-merge-head-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** An adapter with a new head, as training could have left it: nothing in it is zero. */
async function trained(base: string, head: NewHead): Promise<Adapter> {
  const { config, tensors } = await createAdapter(base, spec, 3, { head })
  const moved = [...tensors].map(([key, { shape, data }]) => {
    const random = createRandom(11, key)
    return [key, { shape, data: data.map((value) => value + 0.2 * (random.uniform() - 0.4)) }] as const
  })
  return { config, tensors: new Map(moved) }
}

const text: Batch = {
  rows: 2,
  columns: 4,
  inputIds: Int32Array.of(5, 9, 20, 7, 11, 8, 3, 1),
  attentionMask: Int32Array.of(1, 1, 1, 1, 1, 1, 1, 0),
  labels: Int32Array.of(0, 1),
}

function pictures(): Batch {
  const image = { channels: 3, height: 16, width: 16 }
  const pixelValues = Float32Array.from({ length: 2 * 3 * 16 * 16 }, (_, at) => Math.sin(at * at))
  return { rows: 2, columns: 0, image, pixelValues, labels: Int32Array.of(0, 1) }
}

async function logitsOf(
  base: string,
  { config, tensors }: Adapter,
  batch: Batch,
  head?: NewHead,
): Promise<readonly number[]> {
  const { rows, columns } = batch
  const size = { rows, columns, ...('image' in batch ? { image: batch.image } : {}) }
  const given = head === undefined ? {} : { head }
  const request = { model: base, config, ...given, ...size, trainable: 'adapter', purpose: 'logits' } as const
  const { graph } = await buildTrainingGraph(request)
  const session = await ort.open(graph)
  const values = await session.run(batchFeeds(graph, tensors, batch))
  await session.close()
  return [...(values.get('logits')?.data ?? [])].map(Number)
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((value, at) => Math.abs(value - (b[at] as number))))

it.each([
  ['bert-mlm', 'sequence', 'BertForSequenceClassification'],
  ['bert-mlm', 'token', 'BertForTokenClassification'],
  ['bert', 'sequence', 'BertForSequenceClassification'],
  ['roberta', 'sequence', 'RobertaForSequenceClassification'],
  ['roberta-token', 'token', 'RobertaForTokenClassification'],
  ['distilbert-mlm', 'sequence', 'DistilBertForSequenceClassification'],
  ['distilbert', 'token', 'DistilBertForTokenClassification'],
  ['vit', 'image', 'ViTForImageClassification'],
] as const)(
  'of %s and a new head for the task %s is a %s with the logits of both',
  async (name, task, loader) => {
    const head = { task, labels, seed: 5 }
    const base = model(name)
    const adapter = await trained(base, head)
    const out = join(folder, 'merged')
    const { modules } = await mergeAdapter({ model: base, adapter, head, out })
    expect(modules.some((path) => path.startsWith('classifier'))).toBe(true)
    const config = JSON.parse(await readFile(join(out, 'config.json'), 'utf8'))
    expect(config).toMatchObject({ architectures: [loader], num_labels: 6, label2id: { no: 0, rarely: 5 } })
    expect(config.id2label).toMatchObject({ 1: 'maybe', 4: 'often' })
    const batch = task === 'image' ? pictures() : text
    const beside = await logitsOf(base, adapter, batch, head)
    const none = await createAdapter(out, spec, 1)
    const merged = await logitsOf(out, none, batch)
    expect(merged).toHaveLength(task === 'token' ? 48 : 12)
    expect(distance(merged, beside)).toBeLessThan(1e-5)
    const untrained = await createAdapter(base, spec, 3, { head })
    expect(distance(await logitsOf(base, untrained, batch, head), beside)).toBeGreaterThan(0.01)
  },
)

it('leaves out the head that the base had, and gives a bare checkpoint the names of the class with a head', async () => {
  const base = join(folder, 'bare')
  await cp(model('bert-mlm'), base, { recursive: true })
  const stored = await readSafetensors(join(base, 'model.safetensors'))
  const bare = new Map(
    [...stored].flatMap(([name, tensor]) =>
      name.startsWith('bert.') ? [[name.slice(5), tensor] as const] : [],
    ),
  )
  await writeFile(join(base, 'model.safetensors'), encodeSafetensors(bare))
  const head = { task: 'sequence', labels, seed: 5 } as const
  for (const from of [base, model('bert-mlm')]) {
    const out = join(folder, from === base ? 'from-bare' : 'from-words')
    await mergeAdapter({ model: from, adapter: await trained(from, head), head, out })
    const names = [...(await readSafetensors(join(out, 'model.safetensors'))).keys()].sort()
    expect(names.filter((name) => !name.startsWith('bert.'))).toEqual([
      'classifier.bias',
      'classifier.weight',
    ])
    expect(names).toContain('bert.embeddings.word_embeddings.weight')
    expect(names).toContain('bert.pooler.dense.weight')
  }
})

it('of a new head that the adapter does not bring is refused, and nothing is written', async () => {
  const head = { task: 'sequence', labels, seed: 5 } as const
  const base = model('bert-mlm')
  const adapter = await createAdapter(base, { ...spec, modulesToSave: ['LayerNorm'] }, 3)
  const out = join(folder, 'merged')
  await expect(mergeAdapter({ model: base, adapter, head, out })).rejects.toThrow(
    'no weights for "bert.pooler.dense" of its new head',
  )
  expect(existsSync(out)).toBe(false)
})
