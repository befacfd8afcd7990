import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { differentiate, gradientName } from '../differentiate/backward.js'
import { evaluate } from '../differentiate/finite-difference.js'
import { ort } from '../runtime/ort.js'
import type { Feed } from '../runtime/runtime.js'
import {
  feedsOf,
  fusedGraph,
  type Input,
  numbers,
  type OperatorCase,
  rewrittenGraph,
  whole,
  withLoss,
} from './fused-case.js'
import { type Attributes, float, type Graph, int, ints, type TensorType, text } from './graph.js'
import { encodeOnnx } from './onnx-encode.js'

async function run(graph: Graph): Promise<ReadonlyMap<string, Feed>> {
  const session = await ort.open(graph)
  const feeds = [...feedsOf(graph)].map(([name, data]) => [name, Float32Array.from(data)] as const)
  const results = await session.run(new Map(feeds))
  await session.close()
  return new Map([...results].map(([name, { data }]) => [name, data]))
}

/** The operator in onnxruntime, as of operator set 24. */
async function runFused(graph: Graph): Promise<ReadonlyMap<string, Feed>> {
  const bytes = Uint8Array.from(encodeOnnx(graph).bytes)
  bytes[Buffer.from(bytes).lastIndexOf(Buffer.from([0x10, 21])) + 1] = 24 // the version of the standard operators
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 })
  const feeds = graph.inputs.map(({ name, shape }) => {
    const data = Float32Array.from(feedsOf(graph).get(name) ?? [])
    return [name, new Tensor('float32', data, shape)]
  })
  const results = await session.run(Object.fromEntries(feeds))
  await session.release()
  return new Map(graph.outputs.map(({ name }) => [name, results[name]?.data as Float32Array | Int32Array]))
}

function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(wanted.length)
  for (let at = 0; at < wanted.length; at++) {
    expect(Math.abs((actual[at] as number) - (wanted[at] as number)), `number ${at}`).toBeLessThan(tolerance)
  }
}

const [B, T, H, W] = [2, 3, 2, 4]
const D = H * W
const projection = [[B, T, D], [D, 3 * D], [3 * D]] as const
const heads = { num_heads: int(H) }
const causal = { ...heads, unidirectional: int(1) }
const attention = (
  title: string,
  inputs: readonly Input[],
  attributes: Attributes = heads,
): OperatorCase => ({
  title: `Attention ${title}`,
  op: 'Attention',
  attributes,
  inputs: [...projection, ...inputs],
  outputs: [[B, T, D]],
})
const sequence = [B, T, D] as const
const multiHead = (
  title: string,
  inputs: readonly Input[],
  attributes: Attributes = heads,
): OperatorCase => ({
  title: `MultiHeadAttention ${title}`,
  op: 'MultiHeadAttention',
  attributes,
  inputs: [sequence, sequence, sequence, ...inputs],
  outputs: [[B, T, D]],
})
const [K, S, R] = [1, 3, 16] // one key head; R: head width, of which onnxruntime wants a multiple of 16
const lengths = [whole([B], [S - 1, S - 2]), whole([1], [S])]
const grouped = (title: string, attributes: Attributes, inputs: readonly Input[] = []): OperatorCase => ({
  title: `GroupQueryAttention ${title}`,
  op: 'GroupQueryAttention',
  attributes: { ...heads, kv_num_heads: int(K), ...attributes },
  inputs: [[B, S, H * R], [B, S, K * R], [B, S, K * R], null, null, ...lengths, ...inputs],
  outputs: [
    [B, S, H * R],
    [B, K, S, R],
    [B, K, S, R],
  ],
  counted: [S, S - 1],
})
const tables = [
  [S + 2, R / 2],
  [S + 2, R / 2],
] as const
const packed = { num_heads: int(H), kv_num_heads: int(K) }

const fused: readonly OperatorCase[] = [
  attention('without a mask', []),
  attention('with a scale', [], { ...heads, scale: float(0.3) }),
  attention('with the lengths of its rows', [whole([B], [3, 2])]),
  attention('with the ends and starts of its rows', [whole([2 * B], [3, 2, 1, 0])]),
  attention('with a mask of its keys', [whole([B, T], [1, 1, 0, 1, 1, 1])]),
  attention('with a mask of no key of a row', [whole([B, T], [0, 0, 0, 1, 1, 0])]),
  attention('with a mask of each query', [
    whole([B, T, T], [1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1]),
  ]),
  attention('that is causal', [], causal),
  attention('that is causal, with padding on the left', [whole([B, T], [0, 1, 1, 1, 1, 1])], causal),
  attention('with a filter value', [whole([B, T], [1, 0, 1, 1, 1, 0])], {
    ...heads,
    mask_filter_value: float(-1.5),
  }),
  attention('with numbers added to its scores', [null, null, [1, H, T, T]]),
  {
    ...attention(
      'with a past, and a present',
      [whole([B, T + 2], [1, 0, 1, 1, 1, 1, 1, 1, 1, 0]), [2, B, H, 2, W]],
      causal,
    ),
    outputs: [
      [B, T, D],
      [2, B, H, T + 2, W],
    ],
  },
  {
    title: 'Attention of values of another width',
    op: 'Attention',
    attributes: { ...heads, qkv_hidden_sizes: ints([D, D, 6]) },
    inputs: [[B, T, 5], [5, 2 * D + 6], [2 * D + 6]],
    outputs: [[B, T, 6]],
  },
  multiHead('without a mask', []),
  multiHead('with biases and the lengths of its rows', [[3 * D], whole([B], [2, 3])]),
  multiHead('with a mask of its keys', [null, whole([B, T], [1, 1, 0, 0, 1, 1])]),
  multiHead('that is causal, with numbers added to its scores', [null, null, [B, 1, T, T]], causal),
  {
    ...multiHead('with a past', [null, null, null, [B, H, 2, W], [B, H, 2, W]]),
    outputs: [
      [B, T, D],
      [B, H, T + 2, W],
      [B, H, T + 2, W],
    ],
  },
  {
    title: 'MultiHeadAttention across sequences, with keys in heads',
    op: 'MultiHeadAttention',
    attributes: heads,
    inputs: [
      [B, T, D],
      [B, H, 5, W],
      [B, H, 5, W],
    ],
    outputs: [[B, T, D]],
  },
  grouped('of padded rows', {}),
  grouped('with a scale and a soft cap', { scale: float(0.4), softcap: float(0.7) }),
  grouped('with a local window', { local_window_size: int(2) }),
  grouped('with numbers added to its scores', {}, [null, null, null, [B, H, S, S]]),
  grouped('with rotary positions', { do_rotary: int(1) }, [...tables]),
  grouped('with rotary positions of neighbours', { do_rotary: int(1), rotary_interleaved: int(1) }, [
    ...tables,
  ]),
  {
    title: 'GroupQueryAttention of queries, keys and values in one',
    op: 'GroupQueryAttention',
    attributes: { ...packed, do_rotary: int(1) },
    inputs: [[B, S, (H + 2 * K) * R], null, null, null, null, ...lengths, ...tables],
    outputs: [
      [B, S, H * R],
      [B, K, S, R],
      [B, K, S, R],
    ],
    counted: [S, S - 1],
  },
]

const embedded: OperatorCase = {
  title: 'EmbedLayerNormalization with segments, positions and a mask',
  op: 'EmbedLayerNormalization',
  attributes: { epsilon: float(1e-5) },
  inputs: [
    whole([B, T], [1, 4, 0, 2, 2, 3]),
    whole([B, T], [0, 1, 1, 0, 0, 1]),
    [5, D],
    [6, D],
    [2, D],
    [D],
    [D],
    whole([B, T], [1, 1, 0, 1, 1, 1]),
    whole([B, T], [2, 3, 4, 0, 1, 5]),
  ],
  outputs: [[B, T, D], { element: 'int32', shape: [B] }, [B, T, D]],
}

const pointwise: readonly OperatorCase[] = [
  embedded,
  {
    ...embedded,
    title: 'EmbedLayerNormalization of words and positions only',
    inputs: [whole([B, T], [1, 4, 0, 2, 2, 3]), null, [5, D], [6, D], null, [D], [D]],
    outputs: [[B, T, D], { element: 'int32', shape: [B] }],
  },
  {
    title: 'SkipLayerNormalization with a bias',
    op: 'SkipLayerNormalization',
    attributes: { epsilon: float(1e-5) },
    inputs: [[B, T, D], [B, T, D], [D], [D], [D]],
    outputs: [[B, T, D], null, null, [B, T, D]],
  },
  {
    title: 'SkipSimplifiedLayerNormalization with a bias',
    op: 'SkipSimplifiedLayerNormalization',
    attributes: { epsilon: float(1e-5) },
    inputs: [[B, T, D], [B, T, D], [D], [D]],
    outputs: [[B, T, D], null, null, [B, T, D]],
  },
  { title: 'BiasGelu', op: 'BiasGelu', inputs: [[B, T, D], [D]], outputs: [[B, T, D]] },
  { title: 'FastGelu with a bias', op: 'FastGelu', inputs: [[B, T, D], [D]], outputs: [[B, T, D]] },
  {
    title: 'QuickGelu',
    op: 'QuickGelu',
    attributes: { alpha: float(1.3) },
    inputs: [[B, T, D]],
    outputs: [[B, T, D]],
  },
  {
    title: 'FusedMatMul',
    op: 'FusedMatMul',
    attributes: { transA: int(1), transB: int(1), alpha: float(0.7) },
    inputs: [
      [B, D, T],
      [W, D],
    ],
    outputs: [[B, T, W]],
  },
  ...['Tanh', 'Relu', 'Sigmoid'].map((activation) => ({
    title: `FusedGemm with ${activation}`,
    op: 'FusedGemm',
    attributes: { activation: text(activation), transB: int(1), alpha: float(0.7) },
    ...{ inputs: [[T, D], [W, D], [W]], outputs: [[T, W]] },
  })),
  {
    title: 'RotaryEmbedding of a part of each head',
    op: 'RotaryEmbedding',
    attributes: { num_heads: int(2), rotary_embedding_dim: int(8) },
    inputs: [[B, T, 24], whole([B, T], [0, 1, 2, 3, 1, 0], 'int64'), [4, 4], [4, 4]],
    outputs: [[B, T, 24]],
  },
]

const standard = (title: string, attributes: Attributes, inputs: readonly Input[]): OperatorCase => ({
  title: `the standard Attention ${title}`,
  op: 'Attention',
  domain: '',
  attributes,
  inputs,
  outputs: [inputs[0] as readonly number[]], // keys, values and queries are of one width here
})
const inHeads = [
  [B, 4, S, W],
  [B, 2, S, W],
  [B, 2, S, W],
] as const
const flat = { q_num_heads: int(4), kv_num_heads: int(2) }

const newer: readonly OperatorCase[] = [
  standard('of heads in groups', {}, [...inHeads]),
  standard('that is causal', { is_causal: int(1), scale: float(0.3), softcap: float(0.6) }, [...inHeads]),
  standard('of joined heads with numbers added to its scores', flat, [
    [B, S, 4 * W],
    [B, S, 2 * W],
    [B, S, 2 * W],
    [B, 1, S, S],
  ]),
  standard('with a mask of flags, one row of which is empty', { is_causal: int(1) }, [
    ...inHeads,
    whole([B, 1, S, S], [1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1], 'bool'),
  ]),
  standard('across sequences, causal', { is_causal: int(1) }, [
    [B, 2, S, W],
    [B, 2, 5, W],
    [B, 2, 5, W],
  ]),
  {
    ...standard('with a past', { is_causal: int(1) }, [...inHeads, null, [B, 2, 2, W], [B, 2, 2, W]]),
    outputs: [
      [B, 4, S, W],
      [B, 2, S + 2, W],
      [B, 2, S + 2, W],
    ],
  },
  standard('with the lengths of its rows', { is_causal: int(1) }, [
    [B, 2, 2, W],
    [B, 2, 5, W],
    [B, 2, 5, W],
    null,
    null,
    null,
    whole([B], [5, 3], 'int64'),
  ]),
  {
    title: 'the standard RotaryEmbedding of neighbours',
    op: 'RotaryEmbedding',
    domain: '',
    attributes: { interleaved: int(1), rotary_embedding_dim: int(4) },
    inputs: [[B, 2, T, 8], [6, 2], [6, 2], whole([B, T], [0, 1, 2, 5, 1, 0], 'int64')],
    outputs: [[B, 2, T, 8]],
  },
  {
    title: 'the standard RotaryEmbedding with a row of the table for each token',
    op: 'RotaryEmbedding',
    domain: '',
    attributes: { num_heads: int(2) },
    inputs: [
      [B, T, 16],
      [B, T, 4],
      [B, T, 4],
    ],
    outputs: [[B, T, 16]],
  },
  {
    title: 'BatchNormalization',
    op: 'BatchNormalization',
    domain: '',
    attributes: { epsilon: float(0.3) },
    inputs: [[B, T, 2, 2], [T], [T], [T], { element: 'float32', shape: [T], data: [0.5, 1.5, 2] }],
    outputs: [[B, T, 2, 2]],
  },
  {
    title: 'RMSNormalization',
    op: 'RMSNormalization',
    domain: '',
    attributes: { epsilon: float(0.01) },
    inputs: [[B, T, D], [D]],
    outputs: [[B, T, D]],
  },
  {
    title: 'Swish',
    op: 'Swish',
    domain: '',
    attributes: { alpha: float(1.4) },
    inputs: [[B, T, D]],
    outputs: [[B, T, D]],
  },
]

describe.each([...fused, ...pointwise, ...newer])('$title', (given) => {
  test('is rewritten to what onnxruntime computes for the operator', async () => {
    const rewritten = rewrittenGraph(given)
    expect(rewritten.nodes.map(({ op }) => op)).not.toContain('Attention')
    const [wanted, found] = [await runFused(fusedGraph(given)), await run(rewritten)]
    expect([...found.keys()]).toEqual([...wanted.keys()])
    for (const [name, data] of wanted) {
      const { shape } = rewritten.types.get(name) as TensorType
      const perRow = data.length / (shape[0] as number)
      const isCounted = (_: number, at: number): boolean =>
        name !== 'y0' ||
        ((at % perRow) / perRow) * (shape[1] as number) <
          (given.counted?.[Math.floor(at / perRow)] ?? Infinity)
      const [a, b] = [found.get(name) as Feed, data].map((x) => Array.from(x).filter(isCounted))
      expectClose(a as number[], b as number[], 3e-6)
    }
  })

  test('has the gradients that differences measure', async () => {
    const graph = withLoss(rewrittenGraph(given), given.counted)
    const feeds = feedsOf(graph)
    const names = graph.inputs.map(({ name }) => name).filter((name) => !isTable(given, name))
    const values = await evaluate(differentiate(graph, 'loss', names), feeds)
    for (const name of names) {
      const direction = numbers(feeds.get(name)?.length ?? 0, 17)
      const gradient = values.get(gradientName(name)) ?? []
      const slope = direction.reduce((sum, x, at) => sum + x * (gradient[at] ?? Number.NaN), 0)
      expect(Math.abs(slope - (await slopeAlong(graph, { feeds, name, direction }))), name).toBeLessThan(1e-6)
    }
  })
})

/** How fast the loss grows when an input moves in a direction. */
async function slopeAlong(graph: Graph, along: Along): Promise<number> {
  const { feeds, name, direction } = along
  const lossAt = async (step: number): Promise<number> => {
    const moved = (feeds.get(name) ?? []).map((x, at) => x + step * (direction[at] as number))
    return (await evaluate(graph, new Map([...feeds, [name, moved]]))).get('loss')?.[0] as number
  }
  return ((await lossAt(1e-4)) - (await lossAt(-1e-4))) / 2e-4
}

interface Along {
  readonly feeds: ReadonlyMap<string, readonly number[]>
  readonly name: string
  readonly direction: readonly number[]
}

/** Cosines and sines do not learn. */
const isTable = ({ op, inputs }: OperatorCase, name: string): boolean => {
  const at = Number(name.slice(1))
  if (op === 'RotaryEmbedding') return at > 0
  return op === 'GroupQueryAttention' && at > 6 && inputs.length > 7
}
