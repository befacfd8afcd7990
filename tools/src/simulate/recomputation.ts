/**
 * What the committed adapters have to be, computed without the code of the product.
 * @module
 */
import type { TensorMap } from '@lorica/peft-core'

/** An update as it was accepted: the bytes of its file, and what it counts. */
export interface Accepted {
  readonly sha256: string
  readonly tokens: number
  readonly staleness: number // releases since it was asked for
  readonly bytes: Uint8Array
}

/**
 * base + sum of (weight / all weights) * update, in the order of the hashes, with 64-bit sums and one cast at the end. A weight is
 * tokens / sqrt(1 + staleness).
 */
export function averaged(base: TensorMap, updates: readonly Accepted[]): TensorMap {
  const ordered = [...updates].sort((a, b) =>
    a.sha256 === b.sha256 ? a.tokens - b.tokens || a.staleness - b.staleness : a.sha256 < b.sha256 ? -1 : 1,
  )
  const weightOf = ({ tokens, staleness }: Accepted): number => tokens * (1 + staleness) ** -0.5
  const total = ordered.reduce((sum, update) => sum + weightOf(update), 0)
  const read = ordered.map((update) => ({ values: valuesOf(update.bytes), share: weightOf(update) / total }))
  return new Map(
    [...base].map(([name, { shape, data }]) => {
      const sums = new Float64Array(data.length)
      for (const { values, share } of read) {
        const update = values.get(name)
        if (update?.length !== data.length) throw new RangeError(`an accepted update has no ${name}`)
        for (let index = 0; index < sums.length; index++) sums[index] = sums[index]! + share * update[index]!
      }
      return [name, { shape, data: data.map((value, index) => value + sums[index]!) }]
    }),
  )
}

/** The tensors of a safetensors file of 32-bit floats. https://github.com/huggingface/safetensors#format */
function valuesOf(bytes: Uint8Array): ReadonlyMap<string, Float32Array> {
  const view = Buffer.from(bytes)
  const headerBytes = Number(view.readBigUInt64LE(0))
  const header = JSON.parse(view.toString('utf8', 8, 8 + headerBytes)) as Readonly<
    Record<string, { readonly data_offsets: readonly [number, number] }>
  >
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            data_offsets: [from, to],
          },
        ]) => {
          const start = 8 + headerBytes
          const values = new Float32Array((to - from) / 4)
          for (let index = 0; index < values.length; index++)
            values[index] = view.readFloatLE(start + from + 4 * index)
          return [name, values]
        },
      ),
  )
}
