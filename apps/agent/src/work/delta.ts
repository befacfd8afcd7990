import { createHash } from 'node:crypto'
import { encodeUpdate, type TensorMap } from '@lorica/peft-core'
import { clip, jointNorm, openNoisySum } from '@lorica/privacy'
import type { UpdateEncoding } from '@lorica/protocol'

/** What an update says about one of its tensors; the numbers themselves are in its bytes. */
export interface TensorSummary {
  readonly name: string
  readonly shape: readonly number[]
  readonly sizeBytes: number
}

/** A change of an adapter, ready to leave: clipped, encoded, and named by its content. */
export interface Delta {
  readonly bytes: Uint8Array // safetensors, the adapter's names
  readonly sha256: string
  readonly encoding: UpdateEncoding
  readonly tensors: readonly TensorSummary[]
  readonly norm: number // L2, before clipping
  readonly clipFactor: number // 1: nothing was clipped
  /** What rounding kept back of the clipped change: clipped - sent. It stays here; absent where nothing is rounded. */
  readonly residual?: TensorMap
  /** L2 of the residual as a share of that of the clipped change. */
  readonly roundingError: number
}

export interface DeltaOptions {
  readonly maxNorm: number | null // L2 over all tensors; null: not clipped
  readonly encoding: UpdateEncoding
  /** Gaussian noise on what was clipped, of this multiple of `maxNorm`; none where it is left out. */
  readonly noise?: { readonly multiplier: number } | undefined
  /** What rounding kept back of earlier updates of the run. */
  readonly owed?: TensorMap | undefined
  /** Tensors that were not trained, or stay here: they are no part of the change, and what is owed of them stays owed. */
  readonly unsent?: ReadonlySet<string>
}

/**
 * The difference trained - received of each tensor that is sent, with what is owed from earlier updates, scaled down so that what is read
 * from its bytes has at most the norm `maxNorm`, or is that and noise, which is drawn here and kept nowhere. What clipping takes away is gone; what rounding keeps back is the residual.
 * Throws RangeError when names or shapes differ, or when a difference is not finite.
 */
export function deltaOf(trained: TensorMap, received: TensorMap, options: DeltaOptions): Delta {
  const { maxNorm, encoding, noise, owed = none, unsent = new Set() } = options
  const change = combined(without(trained, unsent), without(received, unsent), -1)
  const due = without(owed, unsent) // none before the first round that trains these
  const { tensors, norm, factor } = clip(due.size === 0 ? change : combined(change, due, 1), maxNorm)
  const { wanted, encoded, shrunk } =
    noise === undefined
      ? withinBound(tensors, encoding, maxNorm)
      : withinBound(noised(tensors, noise.multiplier, maxNorm), encoding, null)
  const residual = encoding === 'f32' ? undefined : combined(wanted, encoded.values, -1)
  const stillOwed = [...owed].filter(([name]) => unsent.has(name))
  const keptBack = residual === undefined ? 0 : jointNorm(residual)
  return {
    bytes: encoded.bytes,
    sha256: createHash('sha256').update(encoded.bytes).digest('hex'),
    encoding,
    tensors: [...wanted].map(([name, { shape }]) => ({
      ...{ name, shape, sizeBytes: encoded.sizes.get(name) ?? 0 },
    })),
    norm,
    clipFactor: factor * shrunk,
    ...(residual === undefined ? {} : { residual: new Map([...residual, ...stillOwed]) }),
    roundingError: keptBack === 0 ? 0 : keptBack / jointNorm(wanted),
  }
}

const none: TensorMap = new Map()

function without(tensors: TensorMap, names: ReadonlySet<string>): TensorMap {
  return names.size === 0 ? tensors : new Map([...tensors].filter(([name]) => !names.has(name)))
}

/** Clipped tensors with noise. RangeError without a bound that the noise could be a multiple of. */
function noised(tensors: TensorMap, noiseMultiplier: number, maxNorm: number | null): TensorMap {
  if (maxNorm === null)
    throw new RangeError('noise expected a maxUpdateNorm that it is a multiple of, got none')
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]))
  const sum = openNoisySum({ shapes, clip: maxNorm, noiseMultiplier })
  sum.add(tensors)
  return new Map(
    [...sum.close()].map(([name, values]) => [
      name,
      { shape: shapes.get(name) ?? [], data: Float32Array.from(values) },
    ]),
  )
}

/** Encodes, and scales down a little more while rounding has lifted the norm above the bound. */
function withinBound(tensors: TensorMap, encoding: UpdateEncoding, maxNorm: number | null) {
  let wanted = tensors
  let shrunk = 1
  for (let margin = 2 ** -24; ; margin *= 4) {
    const encoded = encodeUpdate(wanted, encoding)
    const norm = jointNorm(encoded.values)
    if (maxNorm === null || norm <= maxNorm) return { wanted, encoded, shrunk }
    const factor = (maxNorm / norm) * (1 - margin)
    wanted = new Map(
      [...wanted].map(([name, { shape, data }]) => [name, { shape, data: data.map((x) => x * factor) }]),
    )
    shrunk *= factor
  }
}

/**
 * Element-wise left + sign * right, of the tensors that the second names. Throws RangeError when a name or a shape of one
 * is not that of the other.
 */
function combined(left: TensorMap, right: TensorMap, sign: 1 | -1): TensorMap {
  const extra = [...left.keys()].find((name) => !right.has(name))
  if (extra !== undefined) throw new RangeError(`tensor "${extra}" is not one of the adapter`)
  const sums = [...right].map(([name, second]) => {
    const first = left.get(name)
    if (first === undefined || first.shape.join() !== second.shape.join()) {
      const got = first === undefined ? 'none' : `(${first.shape.join(', ')})`
      throw new RangeError(`tensor "${name}" expected shape (${second.shape.join(', ')}), got ${got}`)
    }
    const data = first.data.map((value, index) => value + sign * (second.data[index] as number))
    return [name, { shape: second.shape, data }] as const
  })
  return new Map(sums)
}
