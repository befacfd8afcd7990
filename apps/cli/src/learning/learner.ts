import { createAdapter, type Engine, type PeftConfig } from '@lorica/peft-core'
import { openEngine } from './engine-choice.js'
import { type RandomModel, writeRandomModel } from './random-model.js'

/** Trains adapters of several ranks on one model, or on what was merged into it. */
export interface Learner {
  /** The engine in which a model is open for adapters of a configuration. */
  opened(model: string, config: PeftConfig): Promise<Engine>
  close(): Promise<void>
}

/** Opens one engine for each rank, when it is needed; a model stays open until another one of that rank is asked for. */
export function createLearner({
  rows,
  columns,
}: {
  readonly rows: number
  readonly columns: number
}): Learner {
  const engines = new Map<number, Promise<Engine>>()
  const models = new Map<number, string>()
  return {
    async opened(model, config) {
      const rank = 'rank' in config ? config.rank : 0
      const opening = engines.get(rank) ?? openEngine({ runtime: 'ort', device: 'cpu', threads: 1 })
      engines.set(rank, opening)
      const engine = await opening
      if (models.get(rank) !== model) {
        await engine.open({ model, config, rows, columns, trainable: 'adapter' })
        models.set(rank, model)
      }
      return engine
    },
    async close() {
      await Promise.all([...engines.values()].map(async (engine) => (await engine).close()))
    },
  }
}

/** Writes a decoder of random weights for a vocabulary and a length of text. */
export async function writeDecoder(
  folder: string,
  sizes: Pick<RandomModel, 'vocabulary' | 'positions'>,
): Promise<void> {
  await writeRandomModel(folder, {
    ...{ family: 'qwen2', layers: 2, width: 32, heads: 2, keyValueHeads: 2, feedForward: 64 },
    ...{ ...sizes, element: 'float32' },
    standardDeviation: 0.18, // about 1 / sqrt(width), so that untrained attention already mixes the words
  })
}

/** A fresh adapter of a rank on all linear layers; alpha is twice the rank, so that all ranks have one scaling. */
export const freshAdapter = (model: string, rank: number, seed: number) =>
  createAdapter(model, { method: 'lora', rank, alpha: 2 * rank, targets: 'all-linear', rslora: false }, seed)
