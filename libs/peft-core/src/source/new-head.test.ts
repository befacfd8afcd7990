import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createAdapter } from '../adapt/start.js'
import { batchFeeds } from '../runtime/feeds.js'
import { ort } from '../runtime/ort.js'
import { buildTrainingGraph } from '../train/graph.js'
import { openModel } from './model.js'

const model = (name: string): string => fileURLToPath(new URL(`../../golden/${name}/model`, import.meta.url))
const spec = { method: 'lora', rank: 2, alpha: 4, targets: 'all-linear', rslora: false } as const
const head = { task: 'sequence', labels: ['no', 'maybe', 'yes'], seed: 5 } as const

test.each([
  ['bert-mlm', 'sequence', ['bert.pooler.dense', 'classifier']],
  ['bert', 'sequence', ['classifier']],
  ['bert', 'token', ['classifier']],
  ['roberta-token', 'sequence', ['classifier']],
  ['distilbert-mlm', 'sequence', ['pre_classifier', 'classifier']],
  ['vit', 'image', ['classifier']],
  ['llama', 'sequence', ['score']],
  ['gpt2', 'sequence', ['score']],
] as const)('the folder %s can be given a new head for the task %s', async (name, task, newModules) => {
  const opened = await openModel(model(name), { head: { ...head, task } })
  expect(opened).toMatchObject({ task, newModules })
  const { graph } = opened.forward({ rows: 2, columns: 5, trainable: false })
  expect(graph.outputs[0]?.shape).toEqual(task === 'token' ? [2, 5, 3] : [2, 3])
})

test('a new head starts as transformers starts it, the same for a seed', async () => {
  const adapter = await createAdapter(model('bert-mlm'), spec, 1, { head })
  const weight = adapter.tensors.get('base_model.model.classifier.weight')
  expect(weight?.shape).toEqual([3, 48])
  const deviation = Math.hypot(...(weight?.data ?? [])) / Math.sqrt(3 * 48)
  expect(deviation).toBeGreaterThan(0.017)
  expect(deviation).toBeLessThan(0.023)
  expect(adapter.tensors.get('base_model.model.classifier.bias')?.data).toEqual(new Float32Array(3))
  const other = await createAdapter(model('bert-mlm'), spec, 1, { head: { ...head, seed: 6 } })
  expect(other.tensors.get('base_model.model.classifier.weight')).not.toEqual(weight)
  expect(await createAdapter(model('bert-mlm'), spec, 1, { head })).toEqual(adapter)
})

test('the gradients of a new head are those of a loss of its classes', async () => {
  const { config, tensors } = await createAdapter(model('distilbert-mlm'), spec, 1, { head })
  const request = { model: model('distilbert-mlm'), config, head, rows: 2, columns: 3 } as const
  const { graph } = await buildTrainingGraph({ ...request, trainable: 'adapter', purpose: 'train' })
  const session = await ort.open(graph)
  const batch = {
    rows: 2,
    columns: 3,
    inputIds: Int32Array.of(5, 9, 200, 7, 11, 0),
    attentionMask: Int32Array.of(1, 1, 1, 1, 1, 0),
    labels: Int32Array.of(2, 0),
  }
  const values = await session.run(batchFeeds(graph, tensors, batch))
  await session.close()
  expect(values.get('loss')?.data[0]).toBeCloseTo(Math.log(3), 0)
  const bias = [...(values.get('grad:base_model.model.classifier.bias')?.data ?? [])].map(Number)
  expect(bias.reduce((sum, x) => sum + x, 0)).toBeCloseTo(0, 6) // softmax less one label sums to nothing
  expect(bias[1]).toBeGreaterThan(0.2)
  expect(bias[2]).toBeLessThan(-0.05)
})

test('a head that cannot be is refused', async () => {
  const wrong = (labels: readonly string[]) => openModel(model('bert'), { head: { ...head, labels } })
  await expect(wrong(['only'])).rejects.toThrow('two classes or more, each once; got only')
  await expect(wrong(['a', 'b', 'a'])).rejects.toThrow('each once')
  const words = openModel(model('llama'), { head: { ...head, task: 'token' } })
  await expect(words).rejects.toThrow('"ForTokenClassification" is not supported')
  const small = { method: 'bottleneck', size: 3, nonLinearity: 'gelu', targets: ['query'] } as const
  await expect(createAdapter(model('bert'), small, 1, { head })).rejects.toThrow('not with bottleneck')
})
