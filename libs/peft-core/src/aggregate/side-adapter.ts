/**
 * One adapter of two parts: its leading rank is trained, and the rest is frozen beside it.
 *
 *   A = [A_t; A_s], B = [B_t, B_s], one scaling: s B A = s B_t A_t + s B_s A_s
 * @module
 */
import type { Adapter } from '../adapter/adapter.js'
import type { FactorPair } from '../adapter/factors.js'
import type { PeftConfig } from '../adapter/peft-config.js'
import type { Side } from '../adapter/side.js'
import type { Tensor } from '../adapter/tensor.js'
import { loraConfigOf, pairedShapes, plainNames, type Shapes } from './cohort.js'
import { releasedConfig } from './released-config.js'

export interface SplitAdapter {
  readonly trained: Adapter // of the leading rank
  readonly side: Side | null // what is left of it; null: nothing
}

/** The leading rank of an adapter, and the rest. RangeError unless it is plain LoRA with factors of that rank or more alone. */
export function splitAdapter({ config, tensors }: Adapter, rank: number): SplitAdapter {
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]))
  const pairs = splitPairs({ config, shapes }, rank)
  const trained = new Map<string, Tensor>()
  const rest = new Map<string, Tensor>()
  const ranks: Record<string, number> = {}
  for (const { path, keyA, keyB, rank: whole } of pairs) {
    const [a, b] = [tensors.get(keyA) as Tensor, tensors.get(keyB) as Tensor]
    trained.set(keyA, rowsOf(a, 0, rank))
    trained.set(keyB, columnsOf(b, 0, rank))
    if (whole === rank) continue
    ranks[path] = whole - rank
    rest.set(keyA, rowsOf(a, rank, whole))
    rest.set(keyB, columnsOf(b, rank, whole))
  }
  const lora = loraConfigOf({ id: 'the adapter', config }, 'a side')
  return {
    trained: {
      config: releasedConfig(
        lora,
        pairs.map(({ path: key, scaling }) => ({ key, rank, scaling })),
      ),
      tensors: trained,
    },
    side: rest.size === 0 ? null : { ranks, tensors: rest },
  }
}

/** The shapes of the leading rank of an adapter, or of all of a module that has no more. RangeError as `splitAdapter`. */
export function trainedShapes(
  adapter: { readonly config: PeftConfig; readonly shapes: Shapes },
  rank: number,
): Shapes {
  return new Map(
    splitPairs(adapter, 1).flatMap(({ keyA, keyB, inFeatures, outFeatures, rank: whole }) => [
      [keyA, [Math.min(rank, whole), inFeatures]] as const,
      [keyB, [outFeatures, Math.min(rank, whole)]] as const,
    ]),
  )
}

/** One adapter of both parts, in which the trained one leads. RangeError when sides of a module do not fit. */
export function joinedAdapter({ trained, side }: SplitAdapter): Adapter {
  if (side === null) return trained
  const { config, tensors } = trained
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]))
  const joined = new Map<string, Tensor>()
  const modules = [...pairedShapes({ config, shapes }).pairs.values()].map(
    ({ path, keyA, keyB, rank, scaling }) => {
      joined.set(keyA, stackedRows(tensors.get(keyA) as Tensor, side.tensors.get(keyA)))
      joined.set(keyB, stackedColumns(tensors.get(keyB) as Tensor, side.tensors.get(keyB)))
      return { key: path, rank: rank + (side.ranks[path] ?? 0), scaling }
    },
  )
  const lora = loraConfigOf({ id: 'the adapter', config }, 'a side')
  return { config: releasedConfig(lora, modules), tensors: joined }
}

/** The pairs of an adapter that can be split at a rank. */
function splitPairs(
  adapter: { readonly config: PeftConfig; readonly shapes: Shapes },
  rank: number,
): readonly FactorPair[] {
  const lora = loraConfigOf({ id: 'the adapter', config: adapter.config }, 'a side')
  const { pairs, shapes } = pairedShapes(adapter)
  const [extra] = plainNames({ pairs, shapes })
  const refused = lora.dora ? 'DoRA' : lora.start !== null ? `the start "${lora.start}"` : extra
  if (refused !== undefined)
    throw new RangeError(`an adapter with a frozen side expected plain factors alone, got ${refused}`)
  for (const { path, rank: whole, kind } of pairs.values()) {
    if (whole < rank || kind === 'experts')
      throw new RangeError(
        `"${path}" expected a rank of ${rank} or more to train, got ${whole}${kind === 'experts' ? ' of experts' : ''}`,
      )
  }
  return [...pairs.values()]
}

function rowsOf({ shape: [, columns = 0], data }: Tensor, from: number, to: number): Tensor {
  return { shape: [to - from, columns], data: data.slice(from * columns, to * columns) }
}

function columnsOf({ shape: [rows = 0, columns = 0], data }: Tensor, from: number, to: number): Tensor {
  const part = new Float32Array(rows * (to - from))
  for (let row = 0; row < rows; row++)
    part.set(data.subarray(row * columns + from, row * columns + to), row * (to - from))
  return { shape: [rows, to - from], data: part }
}

function stackedRows(first: Tensor, second: Tensor | undefined): Tensor {
  if (second === undefined) return first
  const [[rows = 0, columns = 0], [more = 0, width]] = [first.shape, second.shape]
  if (width !== columns) throw new RangeError(`a side expected ${columns} inputs, got ${width}`)
  const data = new Float32Array(first.data.length + second.data.length)
  data.set(first.data)
  data.set(second.data, first.data.length)
  return { shape: [rows + more, columns], data }
}

function stackedColumns(first: Tensor, second: Tensor | undefined): Tensor {
  if (second === undefined) return first
  const [[rows = 0, columns = 0], [height, more = 0]] = [first.shape, second.shape]
  if (height !== rows) throw new RangeError(`a side expected ${rows} outputs, got ${height}`)
  const [width, data] = [columns + more, new Float32Array(first.data.length + second.data.length)]
  for (let row = 0; row < rows; row++) {
    data.set(first.data.subarray(row * columns, (row + 1) * columns), row * width)
    data.set(second.data.subarray(row * more, (row + 1) * more), row * width + columns)
  }
  return { shape: [rows, width], data }
}
