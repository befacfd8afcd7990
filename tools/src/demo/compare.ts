/**
 * What the federation is held against: each site alone, and all texts in one place.
 * @module
 */
import { join } from 'node:path'
import { runLorica } from './processes.js'
import type { Recipe } from './recipe.js'

export interface Losses {
  readonly base: number
  readonly alone: readonly number[]
  readonly federated: number
  readonly pooled: number
}

interface Training {
  readonly files: readonly string[]
  readonly out: string
  readonly batch: number
  readonly threads: number
}

/** Trains one adapter per site on its text alone, with as many steps as the federation gives it. */
export async function trainAlone(
  folder: string,
  model: string,
  files: readonly string[],
  recipe: Recipe,
): Promise<readonly string[]> {
  const outs = files.map((_, index) => join(folder, `alone-${index + 1}`))
  await inPairs(files, (file, index) =>
    train(model, recipe, { files: [file], out: outs[index] as string, batch: recipe.batch, threads: 1 }),
  )
  return outs
}

/** Trains one adapter on all texts: as many steps, of a batch as large as all sites' together. */
export async function trainPooled(
  folder: string,
  model: string,
  files: readonly string[],
  recipe: Recipe,
): Promise<string> {
  const out = join(folder, 'pooled')
  await train(model, recipe, { files, out, batch: recipe.batch * files.length, threads: 2 })
  return out
}

async function train(model: string, recipe: Recipe, { files, out, batch, threads }: Training): Promise<void> {
  const { rank, alpha, maxTokens, learningRate, holdout, seed, rounds, steps } = recipe
  const settings = {
    rank,
    alpha,
    steps: rounds * steps,
    batch,
    'max-tokens': maxTokens,
    'learning-rate': learningRate,
  }
  const more = { schedule: 'cosine', 'warmup-steps': steps, holdout, seed, threads }
  await runLorica([
    'train',
    ...['--model', model, '--out', out],
    ...files.flatMap((file) => ['--data', file]),
    ...Object.entries({ ...settings, ...more }).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ])
}

/** Mean nats per token on the held-out text of all sites. */
export async function heldOutLoss(
  model: string,
  adapter: string | undefined,
  files: readonly string[],
  recipe: Recipe,
): Promise<number> {
  const { loss } = await runLorica<{ readonly loss: number }>([
    'eval',
    ...[
      '--model',
      model,
      '--holdout',
      String(recipe.holdout),
      '--max-tokens',
      String(recipe.maxTokens),
      '--threads',
      '1',
    ],
    ...files.flatMap((file) => ['--data', file]),
    ...(adapter === undefined ? [] : ['--adapter', adapter]),
  ])
  return loss
}

/** Works on all of the items, two at a time, and returns the results in order. */
export async function inPairs<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  const queue = items.entries()
  const lane = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item, index)
  }
  await Promise.all([lane(), lane()])
  return results
}
