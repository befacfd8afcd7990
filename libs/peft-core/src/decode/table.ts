/**
 * The keys and values of texts that grow side by side: a row of a table for each text, its positions from the front on.
 *
 * Sizes used below: R = rows of the table, K = key/value heads, C = room of a row, W = head width.
 * @module
 */
import type { TensorData } from '../runtime/runtime.js'

export interface Table {
  readonly rows: number
  readonly capacity: number
  /** How many positions of each row are filled, (R). */
  readonly lengths: Int32Array
  /** By the name of the graph input. */
  readonly layers: ReadonlyMap<string, Layer>
}

interface Layer {
  readonly heads: number
  readonly width: number
  readonly numbers: Float32Array // (R, K, C, W)
}

export interface TableSize {
  readonly rows: number
  readonly capacity: number
}

type Outputs = ReadonlyMap<string, TensorData>

const PRESENT = 'present.'
const inputOf = (output: string): string => output.replace(PRESENT, 'past_key_values.')

/** Whether a run gave keys and values. */
export const givesKeys = (outputs: Outputs): boolean =>
  [...outputs.keys()].some((name) => name.startsWith(PRESENT))

/** An empty table for what a graph gives. */
export function emptyTable(outputs: Outputs, { rows, capacity }: TableSize): Table {
  const layers = [...outputs].flatMap(([name, { shape }]) => {
    if (!name.startsWith(PRESENT)) return []
    const [, heads, , width] = shape as [number, number, number, number]
    return [[inputOf(name), emptyLayer({ heads, width }, { rows, capacity })] as const]
  })
  return { rows, capacity, lengths: new Int32Array(rows), layers: new Map(layers) }
}

function emptyLayer({ heads, width }: Pick<Layer, 'heads' | 'width'>, { rows, capacity }: TableSize): Layer {
  return { heads, width, numbers: new Float32Array(rows * heads * capacity * width) }
}

/** A table of another size with the given rows of this one, in that order. They have to fit. */
export function resized(table: Table, kept: readonly number[], size: TableSize): Table {
  const lengths = new Int32Array(size.rows)
  for (const [to, from] of kept.entries()) lengths[to] = table.lengths[from] as number
  const layers = [...table.layers].map(([name, layer]) => {
    const grown = emptyLayer(layer, size)
    const { heads, width } = layer
    for (const [to, from] of kept.entries()) {
      const filled = (lengths[to] as number) * width
      for (let head = 0; head < heads; head++) {
        const at = (from * heads + head) * table.capacity * width
        const part = layer.numbers.subarray(at, at + filled)
        grown.numbers.set(part, (to * heads + head) * size.capacity * width)
      }
    }
    return [name, grown] as const
  })
  return { ...size, lengths, layers: new Map(layers) }
}

export interface Copied {
  /** The row of the outputs, and the row of the table. */
  readonly from: number
  readonly to: number
  /** How many positions of the outputs, from their first on. */
  readonly count: number
}

/** Appends positions that a run gave to a row of the table, which has room for them. */
export function appendOutputs(table: Table, outputs: Outputs, { from, to, count }: Copied): void {
  const { capacity, lengths, layers } = table
  const filled = lengths[to] as number
  if (filled + count > capacity)
    throw new RangeError(`row of a table expected at most ${capacity} positions, got ${filled + count}`)
  for (const [name, { shape, data }] of outputs) {
    const layer = layers.get(inputOf(name))
    if (layer === undefined) continue
    const { heads, width, numbers } = layer
    const columns = shape[2] as number
    for (let head = 0; head < heads; head++) {
      const at = (from * heads + head) * columns * width
      const part = data.subarray(at, at + count * width)
      numbers.set(part, ((to * heads + head) * capacity + filled) * width)
    }
  }
  lengths[to] = filled + count
}
