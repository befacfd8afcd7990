import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { adapt } from '../adapt/adapt.js'
import { createLoraConfig } from '../adapter/lora-config.js'
import { sizeOf } from '../graph/graph.js'
import { peakActivationBytes } from '../graph/liveness.js'
import { scheduleLate } from '../graph/schedule.js'
import { openModel } from '../source/model.js'
import { differentiate } from './backward.js'
import { evaluate } from './finite-difference.js'
import { appendLoss } from './loss.js'
import { recomputeValues } from './recompute.js'

const LORA = { method: 'lora', rank: 2, alpha: 3, targets: 'all-linear', rslora: false } as const

/** The training graph of a golden model, without and with values computed again, and feeds for it. */
async function trainingGraphs(name: string, columns = 6) {
  const model = await openModel(fileURLToPath(new URL(`../../golden/${name}/model`, import.meta.url)))
  const adapted = adapt(model, model.forward({ rows: 2, columns, trainable: false }), createLoraConfig(LORA))
  const loss = appendLoss(adapted, model.task)
  const parameters = adapted.inputs.filter(({ name }) => name.includes('lora')).map(({ name }) => name)
  const held = scheduleLate(differentiate(loss, 'loss', parameters), ['loss', 'tokens'])
  const forward = new Set(loss.nodes.map(({ name }) => name))
  const again = (recompute: 'cheap' | 'blocks') =>
    recomputeValues(held, { recompute, forward, parameters, reach: 0 })
  const feeds = held.inputs.map(({ name, shape, element }, index) => {
    const value = (at: number): number =>
      element === 'float32'
        ? Math.sin(index + 1.7 * at) / 5
        : name === 'attention_mask'
          ? 1
          : (7 * at + index) % 9
    return [name, Array.from({ length: sizeOf(shape) }, (_, at) => value(at))] as const
  })
  return { held, again, feeds: new Map(feeds) }
}

describe.each(['gpt2', 'llama'])('the training graph of %s', (name) => {
  it('gives the same numbers when values are computed again', async () => {
    const { held, again, feeds } = await trainingGraphs(name)
    const expected = await evaluate(held, feeds)
    expect(expected.get('loss')?.[0]).toBeGreaterThan(1)
    for (const recompute of ['cheap', 'blocks'] as const)
      expect(await evaluate(again(recompute), feeds)).toEqual(expected)
  })

  it('holds less the more is computed again', async () => {
    const { held, again } = await trainingGraphs(name, 32)
    const [all, cheap, blocks] = [held, again('cheap'), again('blocks')].map(peakActivationBytes) as [
      number,
      number,
      number,
    ]
    expect(cheap).toBeLessThan(0.95 * all)
    expect(blocks).toBeLessThan(0.95 * cheap)
  })
})

it('a value that is read again soon is held', async () => {
  const { held } = await trainingGraphs('llama')
  const parameters = held.inputs.filter(({ name }) => name.includes('lora')).map(({ name }) => name)
  const forward = new Set(held.nodes.map(({ name }) => name))
  expect(recomputeValues(held, { recompute: 'blocks', forward, parameters }).nodes).toEqual(held.nodes)
})

it('the input of several values is held in place of them', async () => {
  const { held, again } = await trainingGraphs('llama')
  const count = (graph: typeof held, suffix: string): number =>
    graph.nodes.filter(({ op, name }) => op === 'Sigmoid' && name.endsWith(suffix)).length
  expect(count(held, '')).toBe(2) // x sigmoid(x) in each layer: x is held, not the sigmoid and the product
  expect(count(again('cheap'), ':again')).toBe(2)
})
