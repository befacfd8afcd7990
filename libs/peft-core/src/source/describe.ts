/**
 * What a model says about the data that it takes, without reading its weights.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ImageSize } from '../train/batch.js'
import type { Fields } from './fields.js'
import { openModel } from './model.js'
import type { NewHead } from './new-head.js'
import type { Task } from './task.js'

export interface ModelDescription {
  readonly task: Task
  /** Whether several examples in a row can be kept apart. */
  readonly packs: boolean
  /** The longest sequence, where the model says it. */
  readonly positions: number | undefined
  /** Rows of the embedding, where the model says it. */
  readonly vocabularySize: number | undefined
  /** The images that it takes, where it takes any. */
  readonly image: ImageSize | undefined
  /** How many classes a classifier tells apart. */
  readonly classes: number | undefined
  /** Their names, where they are more than numbers. */
  readonly labels: readonly string[] | undefined
}

/**
 * Describes a Hugging Face folder or an .onnx file with a config.json beside it. A model that is given a new head for a task
 * has the classes that its data has: none are stated. RangeError as `openModel`.
 */
export async function describeModel(path: string, newHead?: NewHead['task']): Promise<ModelDescription> {
  const head = newHead === undefined ? undefined : { task: newHead, labels: ['0', '1'], seed: 0 }
  const model = await openModel(path, { head })
  const { task, positions, packs, fixedSize } = model
  const config = await readConfig(path.endsWith('.onnx') ? dirname(path) : path)
  const { graph } = model.forward({ rows: 1, columns: 2, ...fixedSize, trainable: false })
  const outputs = graph.outputs.find(({ name }) => name === 'logits')?.shape.at(-1)
  const hasClasses = task !== 'causal' && task !== 'masked'
  const isTrained = hasClasses && head === undefined
  const stated = typeof config.vocab_size === 'number' ? config.vocab_size : undefined
  return {
    task,
    positions,
    packs,
    vocabularySize: stated ?? (hasClasses ? undefined : outputs),
    image: imageSize(graph.inputs.find(({ name }) => name === 'pixel_values')?.shape),
    classes: isTrained ? outputs : undefined,
    labels: isTrained ? labelNames(config.id2label) : undefined,
  }
}

/** The size in a shape (B, C, H, W). */
function imageSize(shape: readonly number[] | undefined): ImageSize | undefined {
  if (shape?.length !== 4) return undefined
  const [, channels, height, width] = shape as [number, number, number, number]
  return { channels, height, width }
}

async function readConfig(folder: string): Promise<Fields> {
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => '{}')
  return JSON.parse(text) as Fields
}

/** The names that `id2label` gives the classes, unless `transformers` made them up. */
function labelNames(id2label: unknown): readonly string[] | undefined {
  if (typeof id2label !== 'object' || id2label === null) return undefined
  const entries = Object.entries(id2label).sort(([a], [b]) => Number(a) - Number(b))
  const names = entries.map(([, name]) => String(name))
  return names.every((name) => /^LABEL_\d+$/.test(name)) ? undefined : names
}
