import type { PeftConfig } from '../adapter/peft-config.js'
import type { TensorMap } from '../adapter/tensor.js'
import type { TensorSource } from '../fold/tensor-source.js'
import { sizeOf } from '../graph/graph.js'
import type { Matrix } from '../linear-algebra/matrix.js'

/** What one agent gives to an aggregate: an adapter, or the difference of one from the adapter that it started from. */
export interface Contribution {
  /** Fixes its place in each sum, so each has another one: the hash of an update, the folder of an adapter. */
  readonly id: string
  readonly weight: number // above 0, of any scale; shares are weight / sum of weights
  readonly config: PeftConfig
  /** What the values of `tensors` are added to; null: they are the adapter's own. A tensor that the source lacks is the start's. */
  readonly start: TensorMap | null
  readonly tensors: TensorSource
}

/** All values of one tensor of the agent's adapter in float64. RangeError names a value that is not finite. */
export async function valuesOf({ id, start, tensors }: Contribution, name: string): Promise<Float64Array> {
  const first = start?.get(name)
  const shape = tensors.shapes.get(name)
  if (shape === undefined) {
    if (first === undefined) throw new RangeError(`${id} expected a tensor "${name}", got none`)
    return Float64Array.from(first.data)
  }
  const stored = new Float32Array(sizeOf(shape))
  await tensors.read(name, 0, stored)
  const values = new Float64Array(stored)
  if (first !== undefined) {
    for (let at = 0; at < values.length; at++)
      values[at] = (values[at] as number) + (first.data[at] as number)
  }
  const wrong = values.findIndex((value) => !Number.isFinite(value))
  if (wrong >= 0)
    throw new RangeError(`${id}: tensor "${name}" expected finite values, got ${values[wrong]} at ${wrong}`)
  return values
}

/** A tensor of two axes as `valuesOf` reads it. */
export async function matrixIn(contribution: Contribution, name: string): Promise<Matrix> {
  const [rows = 0, columns = 0] = shapeIn(contribution, name) ?? []
  return { rows, columns, data: await valuesOf(contribution, name) }
}

/** The shape that a tensor of the agent's adapter has. */
export function shapeIn({ start, tensors }: Contribution, name: string): readonly number[] | undefined {
  return tensors.shapes.get(name) ?? start?.get(name)?.shape
}

/** The shapes of all tensors of the agent's adapter. */
export function shapesIn({ start, tensors }: Contribution): TensorSource['shapes'] {
  if (start === null || [...start.keys()].every((name) => tensors.shapes.has(name))) return tensors.shapes
  return new Map([...[...start].map(([name, { shape }]) => [name, shape] as const), ...tensors.shapes])
}
