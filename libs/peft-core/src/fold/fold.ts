import { foldModule, MOST_TERMS, TURN_VALUES, WebAssembly } from './fold-module.js'

export { MOST_TERMS }

/** A place to add up blocks of values: float32 terms are read into buffers and added to a float64 sum. */
export interface Fold {
  readonly sum: Float64Array
  /** Sets of buffers, so that one is filled while another is added. */
  readonly buffers: readonly (readonly Float32Array[])[] // MOST_TERMS in each
  /**
   * sum += shares[0] buffer 0 + shares[1] buffer 1 + … for the first `count` values, each term added in turn in float64, so that
   * the result is the same however the terms are grouped. RangeError unless there are 1 to MOST_TERMS shares.
   */
  add(set: number, count: number, shares: readonly number[]): void
  /** The same from 0, whatever the sum was. */
  begin(set: number, count: number, shares: readonly number[]): void
  /** The first `count` sums as float32, until the next call. */
  rounded(count: number): Rounded
}

export interface Rounded {
  readonly values: Float32Array
  readonly fits: boolean // all of them
}

const PAGE_BYTES = 64 * 1024

/** A fold for blocks of up to `values` values. `plain`: without the processor's instructions for pairs of values. */
export function createFold(values: number, sets: number, plain = false): Fold {
  const length = turns(values)
  const bytes = 8 * length + 4 * length + 4 * length * sets * MOST_TERMS
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) })
  const result = 8 * length
  const start = (set: number, term: number): number => 12 * length + 4 * length * (set * MOST_TERMS + term)
  const buffers = indices(sets).map((set) =>
    indices(MOST_TERMS).map((term) => new Float32Array(memory.buffer, start(set, term), length)),
  )
  const sum = new Float64Array(memory.buffer, 0, length)
  const results = new Float32Array(memory.buffer, result, length)
  const kernels = plain ? null : kernelsOf(memory)
  const run = (kernel: 'adds' | 'begins', set: number, count: number, shares: readonly number[]): void => {
    if (shares.length < 1 || shares.length > MOST_TERMS)
      throw new RangeError(`shares expected 1 to ${MOST_TERMS}, got ${shares.length}`)
    if (kernels === null) {
      if (kernel === 'begins') sum.fill(0, 0, count)
      addPlainly(sum.subarray(0, count), buffers[set] as readonly Float32Array[], shares)
    } else if (count > 0) {
      const addresses = shares.map((_, term) => start(set, term))
      kernels[kernel][shares.length - 1]?.(0, 8 * turns(count), ...addresses, ...shares)
    }
  }
  return {
    sum,
    buffers,
    add: (set, count, shares) => run('adds', set, count, shares),
    begin: (set, count, shares) => run('begins', set, count, shares),
    rounded(count) {
      const found = results.subarray(0, count)
      if (kernels !== null && count > 0) {
        sum.fill(0, count, turns(count)) // what lies beyond is rounded, too
        return { values: found, fits: kernels.round(0, 8 * turns(count), result) === 0 }
      }
      found.set(sum.subarray(0, count))
      return { values: found, fits: found.every((value) => Number.isFinite(value)) }
    },
  }
}

/** Values in whole turns of the loop. */
function turns(values: number): number {
  return Math.max(1, Math.ceil(values / TURN_VALUES)) * TURN_VALUES
}

interface Kernels {
  readonly adds: readonly ((...numbers: readonly number[]) => void)[]
  readonly begins: Kernels['adds']
  round(sum: number, end: number, result: number): number
}

let compiled: object | null | undefined

/** Null where the processor has no such instructions. */
function kernelsOf(memory: object): Kernels | null {
  if (compiled === undefined) {
    const bytes = foldModule()
    compiled = WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null
  }
  if (compiled === null) return null
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } })
  const named = (name: string): Kernels['adds'] =>
    indices(MOST_TERMS).map((at) => exports[`${name}${at + 1}`] as Kernels['adds'][number])
  return { adds: named('fold'), begins: named('first'), round: exports.round as Kernels['round'] }
}

function addPlainly(sum: Float64Array, terms: readonly Float32Array[], shares: readonly number[]): void {
  for (const [term, share] of shares.entries()) {
    const values = terms[term] as Float32Array
    for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + share * (values[at] as number)
  }
}

function indices(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at)
}
