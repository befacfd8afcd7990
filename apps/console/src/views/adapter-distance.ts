import type { Matrix } from './safetensors.js'

/** How long the change of one module by an adapter is, and how far another adapter is from it (Frobenius). */
export interface ModuleDistance {
  readonly module: string
  readonly norm: number
  readonly difference: number
}

/** An adapter: its matrices, and what the product of a pair is multiplied with. */
export interface Factors {
  readonly matrices: ReadonlyMap<string, Matrix>
  readonly scale: number // alpha / rank
}

interface Pair {
  readonly a: Matrix // (R, I)
  readonly b: Matrix // (O, R)
  readonly scale: number
}

/**
 * The modules of two LoRA adapters of one model, those that changed most first. Nothing larger than rank x rank is made of them:
 * |B A|^2 = sum of (B^T B) * (A A^T), entry by entry, and of a difference the same of the factors side by side.
 * Throws RangeError for adapters without such pairs.
 */
export function moduleDistances(from: Factors, to: Factors): readonly ModuleDistance[] {
  const [first, second] = [pairsOf(from), pairsOf(to)]
  const modules = [...new Set([...first.keys(), ...second.keys()])]
  if (modules.length === 0) throw new RangeError('pairs lora_A and lora_B expected, and there are none')
  return modules
    .map((module) => {
      const [one, other] = [first.get(module), second.get(module)]
      return { module, norm: length([one]), difference: length([negative(one), other]) }
    })
    .toSorted((a, b) => b.difference - a.difference)
}

/** The same over all modules together. */
export function totalDistance(modules: readonly ModuleDistance[]): Omit<ModuleDistance, 'module'> {
  return {
    norm: Math.hypot(...modules.map(({ norm }) => norm)),
    difference: Math.hypot(...modules.map(({ difference }) => difference)),
  }
}

function pairsOf({ matrices, scale }: Factors): ReadonlyMap<string, Pair> {
  const found = new Map<string, Pair>()
  for (const [name, a] of matrices) {
    const match = /^(?:base_model\.model\.)?(.+)\.lora_A\.weight$/.exec(name)
    const b = matrices.get(name.replace('.lora_A.', '.lora_B.'))
    if (match !== null && b !== undefined) found.set(match[1] as string, { a, b, scale })
  }
  return found
}

const negative = (pair: Pair | undefined): Pair | undefined => pair && { ...pair, scale: -pair.scale }

/** The Frobenius norm of a sum of products. */
function length(given: readonly (Pair | undefined)[]): number {
  const pairs = given.filter((pair) => pair !== undefined)
  let square = 0
  for (const one of pairs) for (const other of pairs) square += one.scale * other.scale * inner(one, other)
  return Math.sqrt(Math.max(0, square))
}

/** <B1 A1, B2 A2> = sum over ranks r, s of (A1 A2^T)[r, s] (B1^T B2)[r, s]. */
function inner(one: Pair, other: Pair): number {
  let sum = 0
  for (let r = 0; r < one.a.rows; r++) {
    for (let s = 0; s < other.a.rows; s++) {
      let rows = 0
      for (let i = 0; i < one.a.columns; i++)
        rows +=
          (one.a.data[r * one.a.columns + i] as number) * (other.a.data[s * other.a.columns + i] as number)
      let columns = 0
      for (let o = 0; o < one.b.rows; o++)
        columns +=
          (one.b.data[o * one.b.columns + r] as number) * (other.b.data[o * other.b.columns + s] as number)
      sum += rows * columns
    }
  }
  return sum
}
