import { describe, expect, it } from 'vitest'
import { differentiate, gradientName } from '../differentiate/backward.js'
import { createBuilder } from '../graph/builder.js'
import { type Graph, int } from '../graph/graph.js'
import { ort } from '../runtime/ort.js'
import { reference } from '../runtime/reference.js'
import { createRandom } from '../train/random.js'
import { appendDropout, DROPOUT_WORDS, dropoutWords, keptScale } from './dropout.js'

const [rows, columns] = [400, 300]
const words = (step: number): Int32Array => dropoutWords(createRandom(5, `dropout ${step}`), rows)

/** One dropout of x (rows, columns). */
function dropoutGraph(rate: number, module: string): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [rows, columns])
  const input = builder.input(DROPOUT_WORDS, 'int32', [rows + 7]) // another layer has more rows
  builder.output(appendDropout(builder, x, { rate, words: input, module }))
  return builder.build()
}

/** 1 where a value was kept, by running the graph on ones. */
async function mask(rate: number, module: string, step: number): Promise<Float32Array> {
  const graph = dropoutGraph(rate, module)
  const session = await ort.open(graph)
  const longer = Int32Array.of(...words(step), 1, 3, 5, 7, 9, 11, 13)
  const feeds = new Map<string, Float32Array | Int32Array>([
    ['x', new Float32Array(rows * columns).fill(1)],
    [DROPOUT_WORDS, longer],
  ])
  const found = (await session.run(feeds)).get(graph.outputs[0]?.name ?? '')
  await session.close()
  return found?.data as Float32Array
}

const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, x) => sum + x, 0) / values.length

/** Of the 0/1 masks; 0 for independent ones, with a deviation of 1 / sqrt(120,000) = 0.003. */
function correlation(a: Float32Array, b: Float32Array): number {
  const [meanA, meanB] = [mean(a), mean(b)]
  const covariance = mean(a.map((x, at) => (x - meanA) * ((b[at] as number) - meanB)))
  return covariance / Math.sqrt(meanA * (1 - meanA) * meanB * (1 - meanB))
}

describe('dropout', () => {
  it.each([0.05, 0.3, 0.5, 0.8])(
    'of rate %s drops that share, in every row and column as in independent draws',
    async (rate) => {
      const kept = await mask(rate, 'h.0.attn', 1)
      expect(Math.abs(mean(kept) - (1 - rate))).toBeLessThan(0.006) // 5 deviations are 0.007 at a half
      const ofRow = Array.from({ length: rows }, (_, row) =>
        mean(kept.subarray(row * columns, (row + 1) * columns)),
      )
      const ofColumn = Array.from({ length: columns }, (_, at) =>
        mean(kept.filter((_, index) => index % columns === at)),
      )
      const variance = (means: readonly number[]): number => mean(means.map((x) => (x - mean(means)) ** 2))
      expect(variance(ofRow) / ((rate * (1 - rate)) / columns)).toBeGreaterThan(0.75)
      expect(variance(ofRow) / ((rate * (1 - rate)) / columns)).toBeLessThan(1.25)
      expect(variance(ofColumn) / ((rate * (1 - rate)) / rows)).toBeGreaterThan(0.75)
      expect(variance(ofColumn) / ((rate * (1 - rate)) / rows)).toBeLessThan(1.25)
    },
  )

  it('is the same for the same words, and independent between modules, steps and neighbours', async () => {
    const first = await mask(0.4, 'h.0.attn', 1)
    expect(await mask(0.4, 'h.0.attn', 1)).toEqual(first)
    const others = [await mask(0.4, 'h.1.attn', 1), await mask(0.4, 'h.0.attn', 2)]
    const shifted = [1, columns, columns + 1].map((by) =>
      Float32Array.from(first, (_, at) => first[(at + by) % first.length] as number),
    )
    for (const other of [...others, ...shifted])
      expect(Math.abs(correlation(first, other))).toBeLessThan(0.013)
  })

  it('scaled by what is kept has the mean of its input', () => {
    expect(keptScale(0.2) * 0.8).toBeCloseTo(1, 12)
    expect(keptScale(0.75)).toBe(4)
  })

  it('lets the gradient pass where the mask does, in onnxruntime and in float64', async () => {
    const forward = dropoutGraph(0.3, 'h.0.attn')
    const builder = createBuilder(forward, { keepOutputs: false })
    const dropped = builder.value(forward.outputs[0]?.name ?? '')
    const squares = builder.op('Mul', [dropped, dropped])
    const loss = builder.op('ReduceSum', [squares, builder.constant([0, 1], 'int64')], {
      attributes: { keepdims: int(0) },
    })
    builder.output(loss)
    const graph = differentiate(builder.build(), loss.name, ['x'])
    const x = Float32Array.from({ length: rows * columns }, (_, at) => ((at * 37) % 101) / 50 - 1)
    const longer = Int32Array.of(...words(3), 1, 3, 5, 7, 9, 11, 13)
    const feeds = new Map<string, Float32Array | Int32Array>([
      ['x', x],
      [DROPOUT_WORDS, longer],
    ])
    const kept = await mask(0.3, 'h.0.attn', 3)
    for (const runtime of [ort, reference]) {
      const session = await runtime.open(graph)
      const gradient = (await session.run(feeds)).get(gradientName('x'))?.data ?? []
      await session.close()
      const wanted = x.map((value, at) => (kept[at] === 1 ? 2 * value : 0))
      expect(Float32Array.from(gradient as Float32Array)).toEqual(wanted)
    }
  })
})
