import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import type { MeasuredBatch } from '../evaluate/measured-batch.js'
import { batchSize } from '../train/batch.js'
import { readBatch } from '../train/batch-file.js'
import { buildTrainingGraph } from '../train/graph.js'
import { ort } from './ort.js'
import { createService } from './service.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py

/** The first predictions of each golden case, from the logits of PyTorch 2.13 and PEFT 0.21. */
const cases = [
  {
    name: 'bert',
    count: 3,
    loss: 2.0450156,
    classes: 5,
    predictions: [4, 4, 0],
    probabilities: [0.464987, 0.528784, 0.259076],
    ranks: [1, 3, 4],
  },
  {
    name: 'roberta-token',
    count: 28,
    loss: 1.7818533,
    classes: 5,
    predictions: [0, 0, 0, 0],
    probabilities: [0.513083, 0.632828, 0.472656, 0.680103],
    ranks: [3, 3, 1, 0],
  },
  {
    name: 'vit',
    count: 3,
    loss: 2.9185686,
    classes: 5,
    predictions: [3, 3, 3],
    probabilities: [0.501597, 0.517229, 0.325604],
    ranks: [3, 4, 0],
  },
  {
    name: 'llama',
    count: 22,
    loss: 6.078465,
    classes: 320,
    predictions: [124, 4, 198, 124],
    probabilities: [0.050275, 0.045969, 0.043892, 0.04753],
    ranks: [233, 111, 89, 230],
  },
  {
    name: 'llama-prompt',
    count: 22,
    loss: 6.3742414,
    classes: 320,
    predictions: [26, 264, 285, 135],
    probabilities: [0.043176, 0.03129, 0.018399, 0.048604],
    ranks: [210, 199, 279, 140],
  },
  {
    name: 'bert-mlm',
    count: 10,
    loss: 5.9854226,
    classes: 320,
    predictions: [59, 59, 59, 59],
    probabilities: [0.051678, 0.036213, 0.032652, 0.040087],
    ranks: [245, 80, 85, 31],
  },
]

test.each(cases)('$name predicts what it does in PyTorch', async (expected) => {
  const folder = join(golden, expected.name)
  const batch = await readBatch(join(folder, 'batch.safetensors'))
  const { config, tensors } = await readAdapter(join(folder, 'adapter'))
  const service = createService(buildTrainingGraph, ort, {})
  await service.open({
    model: join(folder, 'model'),
    config,
    ...batchSize(batch),
    trainable: 'adapter',
    purpose: 'measure',
  })
  const measured: MeasuredBatch[] = []
  const { classes } = await service.measure(tensors, [batch], (one) => measured.push(one))
  const [{ labels, lossSum, predictions, probabilities, ranks, logProbabilities }] = measured as [
    MeasuredBatch,
  ]
  expect(classes).toBe(expected.classes)
  expect(labels).toHaveLength(expected.count)
  expect(lossSum / labels.length).toBeCloseTo(expected.loss, 5)
  expect(logProbabilities.reduce((sum, value) => sum - value, 0)).toBeCloseTo(lossSum, 4)
  const shown = expected.predictions.length
  expect([...predictions.subarray(0, shown)]).toEqual(expected.predictions)
  expect([...ranks.subarray(0, shown)]).toEqual(expected.ranks)
  for (const [at, probability] of expected.probabilities.entries())
    expect(probabilities[at]).toBeCloseTo(probability, 5)
})
