import { describe, expect, it } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { float, type Graph, int } from '../graph/graph.js'
import type { Task } from '../source/task.js'
import { differentiate } from './backward.js'
import { evaluate, numericGradients } from './finite-difference.js'
import { appendLoss } from './loss.js'

const numbers = (length: number, seed: number): readonly number[] =>
  Array.from({ length }, (_, at) => Number((Math.sin(seed + 1.7 * at) * 2).toFixed(3)))

type Head = 'MatMul' | 'Gemm' | 'Gemm with an addend' | 'FusedMatMul' | 'inputs'

/** Logits (2, 3, 5), or (2, 5) for a sequence, from a hidden state of width 4. */
function forward(task: Task, head: Head): Graph {
  const builder = createBuilder()
  const lead = task === 'sequence' ? [2] : [2, 3]
  const rows = task === 'sequence' ? 2 : 6
  const shape = [...lead, 5]
  const int64 = (values: readonly number[]) => builder.constant(values, 'int64')
  const output = (name: string) => {
    const inputs = [name, int64(shape).name]
    builder.append({ name: 'logits', op: 'Reshape', domain: '', inputs, outputs: ['logits'], attributes: {} })
  }
  if (head === 'inputs') {
    const hidden = builder.input('hidden', 'float32', [rows, 5])
    output(builder.op('Add', [hidden, builder.input('weight', 'float32', [5])]).name)
  } else if (head === 'MatMul') {
    const inputs = [
      builder.input('hidden', 'float32', [...lead, 4]),
      builder.input('weight', 'float32', [4, 5]),
    ]
    output(builder.op('MatMul', inputs).name)
  } else {
    const attributes = { transB: int(1), alpha: float(0.7) }
    const hidden = builder.input('hidden', 'float32', [rows, 4])
    if (head === 'Gemm with an addend') {
      const fixed = builder.constant(numbers(20, 9), 'float32', [5, 4])
      output(
        builder.op('Gemm', [hidden, fixed, builder.input('weight', 'float32', [rows, 5])], { attributes })
          .name,
      )
    } else {
      const inputs = [hidden, builder.input('weight', 'float32', [5, 4])]
      output(builder.op(head, inputs, { attributes, domain: head === 'Gemm' ? '' : 'com.microsoft' }).name)
    }
  }
  builder.output(builder.value('logits'))
  return builder.build()
}

const feedsOf = (graph: Graph, labels: readonly number[]): ReadonlyMap<string, readonly number[]> =>
  new Map(
    graph.inputs.map(({ name, shape }, index) => [
      name,
      name === 'labels'
        ? labels
        : numbers(
            shape.reduce((a, b) => a * b, 1),
            index + 2,
          ),
    ]),
  )

function logSumExp(row: readonly number[]): number {
  return Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0))
}

describe('appendLoss', () => {
  it('compares each position with the next label, and leaves out ignored ones', async () => {
    const graph = appendLoss(forward('causal', 'inputs'), 'causal')
    const feeds = new Map([...feedsOf(graph, [9, 1, -100, 9, 4, 2]), ['weight', [0, 0, 0, 0, 0]]])
    const hidden = feeds.get('hidden') ?? []
    const row = (at: number): readonly number[] => hidden.slice(5 * at, 5 * at + 5)
    // Row 0 is position 0 of the first text, rows 3 and 4 are positions 0 and 1 of the second.
    const losses = [
      [0, 1],
      [3, 4],
      [4, 2],
    ].map(([at, label]) => logSumExp(row(at as number)) - (row(at as number)[label as number] as number))
    const values = await evaluate(graph, feeds)
    expect(values.get('tokens')).toEqual([3])
    expect(values.get('loss')?.[0]).toBeCloseTo(losses.reduce((a, b) => a + b) / 3, 12)
  })

  it('compares each position with its own label when masked', async () => {
    const graph = appendLoss(forward('masked', 'inputs'), 'masked')
    const feeds = new Map([...feedsOf(graph, [-100, -100, 3, -100, -100, -100]), ['weight', [0, 0, 0, 0, 0]]])
    const row = (feeds.get('hidden') ?? []).slice(10, 15)
    const values = await evaluate(graph, feeds)
    expect(values.get('tokens')).toEqual([1])
    expect(values.get('loss')?.[0]).toBeCloseTo(logSumExp(row) - (row[3] as number), 12)
  })

  it('is finite for logits that are far apart', async () => {
    const graph = appendLoss(forward('sequence', 'inputs'), 'sequence')
    const feeds = new Map([...feedsOf(graph, [1, 4]), ['weight', [0, 0, 0, 0, 0]]])
    const far = new Map([...feeds, ['hidden', [2000, -3000, 0, 0, 0, 7, 7, 7, 7, 7]]])
    expect((await evaluate(graph, far)).get('loss')?.[0]).toBeCloseTo((5000 + Math.log(5)) / 2, 9)
  })

  it.each(['causal', 'masked', 'sequence'] as const)(
    'is 0 with zero gradients when every %s label is ignored',
    async (task) => {
      const graph = differentiate(appendLoss(forward(task, 'Gemm'), task), 'loss', ['hidden', 'weight'])
      const labels = Array<number>(task === 'sequence' ? 2 : 6).fill(-100)
      const values = await evaluate(graph, feedsOf(graph, labels))
      expect(values.get('loss')).toEqual([0])
      expect(values.get('tokens')).toEqual([0])
      for (const name of ['grad:hidden', 'grad:weight'])
        expect(values.get(name)?.map(Math.abs)).toEqual(values.get(name)?.map(() => 0))
    },
  )

  it('refuses a graph without logits of the right rank', () => {
    expect(() => appendLoss(forward('sequence', 'Gemm'), 'causal')).toThrow('got (2, 5)')
  })
})

describe.each(['MatMul', 'Gemm', 'Gemm with an addend', 'FusedMatMul', 'inputs'] as const)(
  'the gradient of the loss through %s',
  (head) => {
    it.each(['causal', 'masked', 'sequence'] as const)('is what differences measure (%s)', async (task) => {
      const graph = appendLoss(forward(task, head), task)
      const training = differentiate(graph, 'loss', ['hidden', 'weight'])
      const feeds = feedsOf(graph, task === 'sequence' ? [3, 1] : [2, 4, 0, 1, -100, 3])
      const values = await evaluate(training, feeds)
      const measured = await numericGradients(graph, feeds, ['hidden', 'weight'])
      for (const [index, name] of ['grad:hidden', 'grad:weight'].entries()) {
        const gradient = values.get(name)
        // Zero gradients would agree with nothing measured, so some number must be large enough to be wrong.
        expect(Math.max(...(measured[index] ?? []).map(Math.abs))).toBeGreaterThan(0.05)
        for (const [at, number] of (measured[index] ?? []).entries())
          expect(gradient?.[at]).toBeCloseTo(number, 6)
      }
    })

    it.runIf(head !== 'inputs' && head !== 'Gemm with an addend')(
      'is the same when the logits are made in parts',
      async () => {
        for (const task of ['causal', 'sequence'] as const) {
          const feeds = feedsOf(
            appendLoss(forward(task, head), task),
            task === 'sequence' ? [3, 1] : [2, 4, 0, 1, -100, 3],
          )
          const train = async (partBytes: number): Promise<ReadonlyMap<string, readonly number[]>> => {
            const graph = appendLoss(forward(task, head), task, { partBytes })
            const names = graph.nodes.filter(({ op }) => op === 'Softmax')
            expect(names).toHaveLength(partBytes < 100 ? (task === 'sequence' ? 2 : 4) : 1)
            return await evaluate(differentiate(graph, 'loss', ['hidden', 'weight']), feeds)
          }
          const [whole, parts] = [await train(2 ** 20), await train(35)] // rows of 20 bytes
          for (const [name, values] of whole) {
            for (const [at, value] of values.entries()) expect(parts.get(name)?.[at]).toBeCloseTo(value, 12)
          }
        }
      },
    )

    it.runIf(head !== 'inputs' && head !== 'Gemm with an addend')(
      'makes no scatter over the vocabulary for a frozen head',
      () => {
        const graph = appendLoss(forward('causal', head), 'causal')
        const { nodes } = differentiate(graph, 'loss', ['hidden'])
        const added = nodes.slice(graph.nodes.length).map(({ op }) => op)
        expect(added).not.toContain('ScatterElements')
        expect(added).toContain('Gather')
      },
    )
  },
)
