/**
 * The contributions of one aggregate, in the order in which they are summed.
 * @module
 */
import { type FactorPair, factorPairs } from '../adapter/factors.js'
import { withoutFrozenCopies } from '../adapter/frozen-copies.js'
import type { LoraConfig } from '../adapter/lora-config.js'
import { expectParameters } from '../adapter/parameters.js'
import type { PeftConfig } from '../adapter/peft-config.js'
import type { TensorMap } from '../adapter/tensor.js'
import { type Contribution, shapesIn } from './contribution.js'

export type Shapes = ReadonlyMap<string, readonly number[]>

/** A contribution that was looked at. */
export interface Member extends Contribution {
  readonly shapes: Shapes // of the agent's whole adapter
  readonly pairs: ReadonlyMap<string, FactorPair> // by module; empty unless it is LoRA
}

/** A member with its share of the aggregate; shares add up to 1. */
export interface Share {
  readonly member: Member
  readonly share: number
}

/** RangeError names what does not fit: a weight, a tensor that does not belong, a factor of another rank than stated. */
export function memberOf(contribution: Contribution): Member {
  const { id, weight, config } = contribution
  if (!(weight > 0 && weight < Number.POSITIVE_INFINITY))
    throw new RangeError(`weight of ${id} expected > 0, got ${weight}`)
  try {
    const { shapes, pairs } = described(config, shapesIn(contribution))
    return { ...contribution, shapes, pairs }
  } catch (cause) {
    throw new RangeError(`${id}: ${(cause as Error).message}`, { cause })
  }
}

/** The pairs of factors that an adapter of these shapes has. RangeError as `memberOf`. */
export function pairedShapes(adapter: {
  readonly config: PeftConfig
  readonly shapes: Shapes
}): Pick<Member, 'pairs' | 'shapes'> {
  return described(adapter.config, adapter.shapes)
}

/** Members in ascending order of id with their shares. RangeError when there are none. */
export function sharesOf(members: readonly Member[]): readonly Share[] {
  if (members.length === 0) throw new RangeError('an aggregate expected at least one contribution, got none')
  const ordered = members.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const total = ordered.reduce((sum, { weight }) => sum + weight, 0)
  return ordered.map((member) => ({ member, share: member.weight / total }))
}

/** RangeError unless both have the same method, the same modules of the same sides, and the same other tensors. */
export function expectSameModules(member: Member, reference: Member): void {
  const [method, wanted] = [member.config.method, reference.config.method]
  if (method !== wanted) throw new RangeError(`${member.id} expected the method ${wanted}, got ${method}`)
  for (const [path, pair] of reference.pairs) {
    const own = member.pairs.get(path)
    if (own === undefined) throw new RangeError(`${member.id} expected factors for "${path}", got none`)
    const [got, expected] = [sidesOf(own), sidesOf(pair)]
    if (got !== expected) throw new RangeError(`${member.id}: "${path}" expected ${expected}, got ${got}`)
  }
  for (const path of member.pairs.keys()) {
    if (!reference.pairs.has(path))
      throw new RangeError(`${member.id} expected the modules of ${reference.id}, got also "${path}"`)
  }
  const others = plainNames(reference)
  for (const name of others) {
    const [got, expected] = [member.shapes.get(name), reference.shapes.get(name)]
    if (String(got) !== String(expected))
      throw new RangeError(
        `${member.id}: tensor "${name}" expected (${expected}), got ${got ? `(${got})` : 'none'}`,
      )
  }
  const extra = plainNames(member).find((name) => !others.includes(name))
  if (extra !== undefined)
    throw new RangeError(`${member.id} expected the tensors of ${reference.id}, got also "${extra}"`)
}

/** The tensors that are no factors: whole modules, biases, magnitudes, and all of a method that has no factors. */
export function plainNames({ pairs, shapes }: Pick<Member, 'pairs' | 'shapes'>): readonly string[] {
  const factors = new Set([...pairs.values()].flatMap(({ keyA, keyB }) => [keyA, keyB]))
  return [...shapes.keys()].filter((name) => !factors.has(name))
}

function sidesOf({ inFeatures, outFeatures, kind = 'linear', experts }: FactorPair): string {
  return `${experts ?? ''}${kind} ${outFeatures} x ${inFeatures}`
}

interface Described {
  readonly shapes: Shapes
  readonly pairs: ReadonlyMap<string, FactorPair>
}

const seen = new WeakMap<PeftConfig, WeakMap<Shapes, Described>>()

/** Contributions that share a configuration and shapes share what is found. */
function described(config: PeftConfig, shapes: Shapes): Described {
  const ofConfig = seen.get(config) ?? new WeakMap<Shapes, Described>()
  seen.set(config, ofConfig)
  const found = ofConfig.get(shapes) ?? describe(config, shapes)
  ofConfig.set(shapes, found)
  return found
}

function describe(config: PeftConfig, stored: Shapes): Described {
  const tensors = withoutFrozenCopies(config, withoutValues(stored))
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]))
  if (config.method !== 'lora') {
    expectParameters(config, tensors)
    return { shapes, pairs: new Map() }
  }
  return { shapes, pairs: new Map(factorPairs(config, tensors).map((pair) => [pair.path, pair])) }
}

function withoutValues(shapes: Shapes): TensorMap {
  const data = new Float32Array(0)
  return new Map([...shapes].map(([name, shape]) => [name, { shape, data }]))
}

/** The configuration of members that are LoRA. RangeError names a strategy that was meant for others. */
export function loraConfigOf(
  { id, config }: Pick<Contribution, 'id' | 'config'>,
  strategy: string,
): LoraConfig {
  if (config.method === 'lora') return config
  throw new RangeError(
    `${id}: ${strategy} expected LoRA factors, got ${config.method}; fedavg takes every method`,
  )
}
