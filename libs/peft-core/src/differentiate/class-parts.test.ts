import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { adapt } from '../adapt/adapt.js'
import { createLoraConfig } from '../adapter/lora-config.js'
import { sizeOf } from '../graph/graph.js'
import { openModel } from '../source/model.js'
import { differentiate } from './backward.js'
import { evaluate, numericGradients } from './finite-difference.js'
import { appendLoss, type LossOptions } from './loss.js'

const LORA = { method: 'lora', rank: 2, alpha: 3, targets: 'all-linear', rslora: false } as const
const COLUMNS = 5

/** What makes graphs with the loss of a golden model; the trained matrices of its last layer, and feeds. */
async function lossOf(name: string) {
  const model = await openModel(fileURLToPath(new URL(`../../golden/${name}/model`, import.meta.url)))
  const forward = model.forward({ rows: 2, columns: COLUMNS, trainable: false })
  const adapted = adapt(model, forward, createLoraConfig(LORA))
  const classes = adapted.outputs[0]?.shape.at(-1) as number
  const append = (options: LossOptions) => appendLoss(adapted, model.task, options)
  const parameters = adapted.inputs.filter(({ name }) => name.includes('lora')).map(({ name }) => name)
  const word = (at: number): number => (at * 37 + 11) % classes
  const feeds = append({}).inputs.map(({ name, shape, element }, index) => {
    const value = (at: number): number => {
      if (element === 'float32') return Math.sin(index + 1.7 * at) / 5
      if (name === 'labels') return at === 3 ? -100 : word(at + 1)
      return name === 'attention_mask' ? 1 : name === 'token_type_ids' ? 0 : word(at)
    }
    return [name, Array.from({ length: sizeOf(shape) }, (_, at) => value(at))] as const
  })
  return { append, parameters, feeds: new Map(feeds), logitsBytes: 2 * COLUMNS * classes * 4 }
}

describe.each(['llama-mqa-bfloat16', 'gpt2', 'bert-mlm'])(
  'the loss of %s over the classes in parts',
  (name) => {
    it('is the same number with the same gradients', async () => {
      const { append, parameters, feeds, logitsBytes } = await lossOf(name)
      const [whole, parts] = [append({}), append({ partBytes: logitsBytes / 2.1 })]
      const products = (graph: typeof whole) => graph.nodes.filter(({ op }) => op === 'Exp').length
      expect(products(parts) - products(whole)).toBe(9) // 5 parts, and 4 times the sums so far are scaled
      const [expected, got] = [
        await evaluate(differentiate(whole, 'loss', parameters), feeds),
        await evaluate(differentiate(parts, 'loss', parameters), feeds),
      ]
      expect(expected.get('loss')?.[0]).toBeGreaterThan(1)
      for (const [output, values] of expected) {
        for (const [at, value] of values.entries()) expect(got.get(output)?.[at]).toBeCloseTo(value, 10)
      }
      const evaluated = await evaluate(append({ partBytes: logitsBytes / 3, isTrained: false }), feeds)
      expect(evaluated.get('loss')?.[0]).toBeCloseTo(expected.get('loss')?.[0] as number, 10)
    })

    it('has the gradient that differences measure', async () => {
      const { append, parameters, feeds, logitsBytes } = await lossOf(name)
      const graph = append({ partBytes: logitsBytes / 3 })
      const last = parameters.slice(-1)
      const [measured] = await numericGradients(graph, feeds, last)
      const values = await evaluate(differentiate(graph, 'loss', parameters), feeds)
      expect(Math.max(...(measured ?? []).map(Math.abs))).toBeGreaterThan(1e-3)
      for (const [at, number] of (measured ?? []).entries())
        expect(values.get(`grad:${last[0]}`)?.[at]).toBeCloseTo(number, 6)
    })
  },
)

it('a token that the model does not have is refused when its rows are in parts', async () => {
  const { append, feeds, logitsBytes } = await lossOf('gpt2')
  const ids = (feeds.get('input_ids') ?? []).with(4, 1_000_000)
  const graph = append({ partBytes: logitsBytes / 3 })
  await expect(evaluate(graph, new Map([...feeds, ['input_ids', ids]]))).rejects.toThrow()
})
