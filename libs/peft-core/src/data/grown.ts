/** Whole numbers in a typed array that grows as they are added. */
export interface Grown {
  readonly length: number
  push(value: number): void
  at(index: number): number
}

type NumberArray = Float64Array | Uint32Array

/** An empty list: `Float64Array` for numbers up to 2^53, `Uint32Array` for those up to 2^32. */
export function createGrown(kind: new (length: number) => NumberArray): Grown {
  let data = new kind(256)
  let length = 0
  return {
    get length() {
      return length
    },
    push(value) {
      if (length === data.length) {
        const larger = new kind(2 * length)
        larger.set(data)
        data = larger
      }
      data[length++] = value
    },
    at: (index) => data[index] as number,
  }
}
