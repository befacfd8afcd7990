import type { CoordinateRule } from './coordinates.js'
import type { AdapterParts, FactorReader, ModuleFactors, Values } from './factor-reader.js'
import type { ReadUpdate } from './gram.js'

/** New values of a tensor, or of the factor of a module whose partner is frozen. */
export interface RuledValues {
  readonly name: string // of the module or the tensor
  readonly factor: 'a' | 'b' | null // null: a tensor
  readonly values: Float64Array
}

/**
 * Applies a rule to each value of the changes: start + rule(values of all updates - start), module by module, then tensor by
 * tensor. One factor of each module must be frozen: the same in all updates as in the start.
 *
 * RangeError, naming the module, when both factors changed. (B Q)(Q^-1 A) = B A for any Q, so two agents may have learned the
 * same from factors without one value in common, and the median of such values means nothing. The same when a rank or a scaling
 * differs from the start's, or a value is not finite.
 */
export async function* ruledValues(
  {
    start,
    updates,
    parts,
  }: {
    readonly start: FactorReader
    readonly updates: readonly ReadUpdate[]
    readonly parts: AdapterParts
  },
  rule: CoordinateRule,
): AsyncGenerator<RuledValues> {
  for (const module of parts.modules) {
    const own = await start.factors(module)
    const found = await Promise.all(updates.map((update) => update.factors(module)))
    for (const [index, factors] of found.entries()) expectAlike(factors, own, [updates[index]!.id, module])
    const factor = trainedFactor(own, found, module)
    const all = found.map((factors) => factors[factor])
    yield { name: module, factor, values: ruled(own[factor], named(all, updates, module), rule) }
  }
  for (const tensor of parts.tensors) {
    const own = await start.values(tensor)
    const all = await Promise.all(updates.map((update) => update.values(tensor)))
    yield { name: tensor, factor: null, values: ruled(own, named(all, updates, tensor), rule) }
  }
}

/** The factor that some update changed; B when none did. */
function trainedFactor(start: ModuleFactors, found: readonly ModuleFactors[], module: string): 'a' | 'b' {
  const changed = (factor: 'a' | 'b'): boolean =>
    found.some((factors) => !isSame(factors[factor], start[factor]))
  if (!changed('a')) return 'b'
  if (!changed('b')) return 'a'
  throw new RangeError(
    `"${module}" expected one factor to be frozen, got updates that change A and B: their values depend on the basis that each agent happened to train in. Freeze A (ffa) or alternate (rolora), or choose a rule that compares whole updates`,
  )
}

const isSame = (values: Values, other: Values): boolean =>
  values.length === other.length && values.every((value: number, at: number) => value === other[at])

type Labelled = readonly (readonly [label: string, values: Values])[]

const named = (all: readonly Values[], updates: readonly ReadUpdate[], name: string): Labelled =>
  all.map((values, index) => [`update ${updates[index]!.id}: ${name}`, values] as const)

function ruled(start: Values, all: Labelled, rule: CoordinateRule): Float64Array {
  for (const [label, values] of all) {
    if (values.length !== start.length)
      throw new RangeError(`${label} expected ${start.length} values, got ${values.length}`)
    const wrong = values.find((value: number) => !Number.isFinite(value))
    if (wrong !== undefined) throw new RangeError(`${label} expected finite values, got ${wrong}`)
  }
  const result = new Float64Array(start.length)
  const column = new Float64Array(all.length)
  for (let at = 0; at < result.length; at++) {
    const from = start[at] as number
    for (let index = 0; index < column.length; index++) column[index] = (all[index]![1][at] as number) - from
    result[at] = from + rule(column.sort())
  }
  return result
}

function expectAlike(
  { rank, scaling }: ModuleFactors,
  start: ModuleFactors,
  [id, module]: readonly [id: string, module: string],
): void {
  if (rank === start.rank && scaling === start.scaling) return
  throw new RangeError(
    `update ${id} expected rank ${start.rank} and scaling ${start.scaling} of "${module}", got ${rank} and ${scaling}: their values are not of the same things`,
  )
}
