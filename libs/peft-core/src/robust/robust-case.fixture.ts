import { readFileSync } from 'node:fs'
import type { AdapterParts, FactorReader, ModuleFactors } from './factor-reader.js'
import type { ReadUpdate } from './gram.js'

export interface PlainAdapter {
  readonly modules: Readonly<
    Record<
      string,
      {
        readonly a: readonly number[]
        readonly b: readonly number[]
        readonly rank: number
        readonly scaling: number
      }
    >
  >
  readonly head: readonly number[]
}

/** What numpy computed of some adapters: see expected.py. */
export interface Expected {
  readonly start: PlainAdapter
  readonly mixed: { readonly adapters: readonly PlainAdapter[]; readonly gram: readonly number[] }
  readonly both: {
    readonly adapters: readonly PlainAdapter[]
    readonly gram: readonly number[]
    readonly updates: readonly number[]
  } & Readonly<
    Record<
      'krum' | 'multiKrum' | 'normBound' | 'geometricMedian' | 'centredClipping' | 'trustedRoot',
      readonly number[]
    >
  >
  readonly frozen: {
    readonly adapters: readonly PlainAdapter[]
    readonly bulyanSelected: readonly number[]
  } & Readonly<Record<'median' | 'trimmedMean' | 'bulyan', readonly number[]>>
}

export const expected = JSON.parse(
  readFileSync(new URL('expected.json', import.meta.url), 'utf8'),
) as Expected

export const parts: AdapterParts = { modules: ['q', 'v'], tensors: ['head'] }

export function readerOf({ modules, head }: PlainAdapter): FactorReader {
  return {
    factors(name) {
      const { a, b, rank, scaling } = modules[name] as PlainAdapter['modules'][string]
      return { a: Float64Array.from(a), b: Float64Array.from(b), rank, scaling }
    },
    values: () => Float64Array.from(head),
  }
}

export const updatesOf = (adapters: readonly PlainAdapter[]): readonly ReadUpdate[] =>
  adapters.map((adapter, index) => ({ id: `agent-${index}`, ...readerOf(adapter) }))

/** sum over k of weights[k] u_k, from dense updates one after the other. */
export function combined(updates: readonly number[], weights: readonly number[]): readonly number[] {
  const width = updates.length / weights.length
  return Array.from({ length: width }, (_, at) =>
    weights.reduce((sum, weight, row) => sum + weight * (updates[row * width + at] as number), 0),
  )
}

/** The update scaling * B A of one module and the head, minus the start's, one value after the other. */
export function denseUpdate(adapter: PlainAdapter, start: PlainAdapter): readonly number[] {
  const [own, from] = [denseValues(adapter), denseValues(start)]
  return own.map((value, at) => value - from[at]!)
}

function denseValues({ modules, head }: PlainAdapter): readonly number[] {
  return [...Object.values(modules).flatMap((module) => productOf(module)), ...head]
}

type Plain = Omit<ModuleFactors, 'a' | 'b'> & { readonly a: readonly number[]; readonly b: readonly number[] }

function productOf({ a, b, rank, scaling }: Plain): readonly number[] {
  const inputs = a.length / rank
  return Array.from({ length: (b.length / rank) * inputs }, (_, at) => {
    const [row, column] = [Math.floor(at / inputs), at % inputs]
    let sum = 0
    for (let k = 0; k < rank; k++) sum += b[row * rank + k]! * a[k * inputs + column]!
    return scaling * sum
  })
}
