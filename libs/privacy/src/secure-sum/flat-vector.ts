/**
 * The tensors of an update as one vector, and back: by name, in the order of their UTF-16 code units, each row-major. Both sides of a
 * secure sum work the order out from the names alone.
 *
 * @module
 */

/** The tensors of an update by name; only shapes are needed to tell the length. */
export type Shapes = ReadonlyMap<string, readonly number[]>

/** How many values tensors of these shapes have. */
export function elementsIn(shapes: Shapes): number {
  let total = 0
  for (const shape of shapes.values()) total += sizeOf(shape)
  return total
}

/** All values of tensors as one vector. */
export function flattened(
  tensors: ReadonlyMap<string, { readonly data: Float32Array }>,
): Float32Array<ArrayBuffer> {
  const ordered = sorted(tensors)
  const vector = new Float32Array(ordered.reduce((sum, [, { data }]) => sum + data.length, 0))
  let at = 0
  for (const [, { data }] of ordered) {
    vector.set(data, at)
    at += data.length
  }
  return vector
}

/** The tensors of these shapes that a vector holds, times `factor`. Throws RangeError when it holds more or fewer values. */
export function unflattened(
  vector: ArrayLike<number>,
  shapes: Shapes,
  factor = 1,
): ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array<ArrayBuffer> }> {
  const elements = elementsIn(shapes)
  if (vector.length !== elements)
    throw new RangeError(`vector expected ${elements} values, got ${vector.length}`)
  let at = 0
  return new Map(
    sorted(shapes).map(([name, shape]) => {
      const data = new Float32Array(sizeOf(shape))
      for (let i = 0; i < data.length; i += 1) data[i] = (vector[at + i] as number) * factor
      at += data.length
      return [name, { shape, data }]
    }),
  )
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, axis) => size * axis, 1)
const sorted = <T>(named: ReadonlyMap<string, T>): readonly (readonly [string, T])[] =>
  [...named].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
