/**
 * Aggregation by a robust rule: it looks at the changes of all agents, and says what each of them counts before a strategy makes
 * one adapter of them.
 * @module
 */
import type { Adapter } from '../adapter/adapter.js'
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import type { Matrix } from '../linear-algebra/matrix.js'
import { updateNorms } from '../robust/distances.js'
import { type AdapterParts, type FactorReader, pairReader } from '../robust/factor-reader.js'
import { gramMatrix, type ReadUpdate } from '../robust/gram.js'
import { rememberedKrum } from '../robust/krum.js'
import {
  type DistanceMemory,
  meanDistances,
  relativeDistances,
  remembered,
} from '../robust/remembered-distances.js'
import {
  type RobustRule,
  robustValues,
  robustWeights,
  type ValueRule,
  valueRules,
  type WholeRule,
} from '../robust/rule.js'
import type { Member, Share } from './cohort.js'
import { valuesOf } from './contribution.js'
import { startMember } from './start-member.js'

/** A rule as a run states it: of 'trusted-root', the root is the id of a contribution; 'multi-krum' may remember the rounds before. */
export type AggregationRule =
  | Exclude<RobustRule, { readonly rule: 'trusted-root' }>
  | { readonly rule: 'trusted-root'; readonly root: string }
  | RememberingRule

/** Multi-Krum on distances over rounds; `before` is null in the first, and its ids are those of contributions where there are such. */
export interface RememberingRule {
  readonly rule: 'multi-krum'
  readonly liars: number
  readonly kept?: number
  readonly memory: { readonly halfLifeRounds: number; readonly before: DistanceMemory | null }
}

/** Strategies whose result is linear in what each contribution counts; the others weigh or turn them in ways of their own. */
const linear: readonly string[] = ['fedavg', 'ffa', 'rolora', 'fedsa', 'flora', 'svd', 'fedex', 'fedsvd']

/** RangeError when a strategy and a rule exclude each other. */
export function expectRobust(strategy: string, rule: AggregationRule): void {
  const wanted = isValueRule(rule) ? ['ffa', 'rolora'] : linear
  if (wanted.includes(strategy)) return
  throw new RangeError(
    isValueRule(rule)
      ? `${rule.rule} expected a strategy that freezes one factor (${wanted.join(', ')}), got ${strategy}: single values of A and B depend on the basis that each agent trained in`
      : `${rule.rule} expected a strategy that takes weights as they are (${wanted.join(', ')}), got ${strategy}`,
  )
}

/** What a rule decides: what whole contributions count, or the values of all tensors. */
export interface Ruled {
  readonly shares: readonly Share[]
  readonly tensors: TensorMap | null
  readonly report: RuleReport
}

/** What a rule made of the contributions, which all counted alike before it. */
export interface RuleReport {
  readonly rule: AggregationRule['rule']
  readonly liars: number | null // that it was told to assume
  readonly share: number // of each contribution before the rule: 1 / how many
  readonly start: number // what the rule leaves to the adapter that all started from, as a share of whole adapters
  readonly contributions: readonly RuledContribution[]
  readonly memory: DistanceMemory | null // what a rule that remembers has for the next round; null of all others
}

/** One contribution; all null of a rule that looks at single values, which counts no contribution as a whole. */
export interface RuledContribution {
  readonly id: string
  readonly weight: number | null // what it counts: 0 when it was left out, less than its share when it was shortened
  readonly norm: number | null // of its change, as the rule saw it
}

/**
 * What a rule makes of the members: all count alike before, whatever weights they state. The shares are of whole adapters and
 * add up to 1: what the rule takes from the changes is left to the start, whose share may be negative. RangeError when nobody
 * knows the start, or as the rule says.
 */
export async function ruled(
  members: readonly Member[],
  { start, rule }: { readonly start: Adapter | null; readonly rule: AggregationRule },
): Promise<Ruled> {
  if (start === null)
    throw new RangeError(`${rule.rule} expected the adapter that all started from, to compare their changes`)
  const first = startMember(start)
  const own = readerOf(first)
  const read = { start: own, parts: own, updates: members.map(updateOf) }
  const liars = 'liars' in rule && rule.liars !== undefined ? rule.liars : null
  const facts = { rule: rule.rule, liars, share: 1 / members.length }
  if (isValueRule(rule)) {
    const shares = members.map((member) => ({ member, share: facts.share }))
    const contributions = members.map(({ id }) => ({ id, weight: null, norm: null }))
    const tensors = await ruledTensors(first, read, rule)
    return { shares, tensors, report: { ...facts, start: 0, contributions, memory: null } }
  }
  const gram = await gramMatrix(own, read.updates, own)
  const { weights, memory } = weighed(gram, members, rule)
  const norms = updateNorms(gram)
  const counted = members.flatMap((member, at) =>
    weights[at] === 0 ? [] : [{ member, share: weights[at] as number }],
  )
  const rest = 1 - weights.reduce((sum, weight) => sum + weight, 0)
  const isWhole = Math.abs(rest) < SETTLED
  const shares = isWhole ? counted : [...counted, { member: first, share: rest }]
  const contributions = members.map(({ id }, at) => ({
    id,
    weight: weights[at] as number,
    norm: norms[at] as number,
  }))
  return { shares, tensors: null, report: { ...facts, start: isWhole ? 0 : rest, contributions, memory } }
}

const SETTLED = 1e-12

export const isValueRule = (rule: AggregationRule | RobustRule): rule is ValueRule =>
  valueRules.some((name) => name === rule.rule)

/** The values by the rule, in the place of the start's. */
async function ruledTensors(
  start: Member,
  read: {
    readonly start: FactorReader
    readonly updates: readonly ReadUpdate[]
    readonly parts: AdapterParts
  },
  rule: ValueRule,
): Promise<TensorMap> {
  const tensors = new Map<string, Tensor>()
  for (const [name, shape] of start.shapes)
    tensors.set(name, { shape, data: Float32Array.from(await valuesOf(start, name)) })
  for await (const { name, factor, values } of robustValues(read, rule)) {
    const [path = name, expert] = name.split('#')
    const pair = factor === null ? undefined : start.pairs.get(path)
    if (expert !== undefined)
      throw new RangeError(`${rule.rule} is not for the stacked factors of experts, as of "${path}"`)
    const key = pair === undefined ? name : factor === 'a' ? pair.keyA : pair.keyB
    const scale = [...start.pairs.values()].find(({ keyBias }) => keyBias === key)?.scaling ?? 1
    const shape = start.shapes.get(key) ?? []
    tensors.set(key, { shape, data: Float32Array.from(values, (value) => value / scale) })
  }
  return tensors
}

function updateOf(member: Member): ReadUpdate {
  return { id: member.id, ...readerOf(member) }
}

function readerOf(member: Member): FactorReader & AdapterParts {
  const known = { pairs: [...member.pairs.values()], names: [...member.shapes.keys()] }
  return pairReader(known, (name) => valuesOf(member, name))
}

/** What updates with this Gram matrix count, and what the rule remembers of them. */
function weighed(
  gram: Matrix,
  members: readonly Member[],
  rule: Exclude<AggregationRule, ValueRule>,
): { readonly weights: readonly number[]; readonly memory: DistanceMemory | null } {
  if (!isRemembering(rule)) return { weights: robustWeights(gram, placed(rule, members)), memory: null }
  const ids = members.map(({ id }) => id)
  const now = relativeDistances(gram)
  const weights = rememberedKrum(meanDistances(now, ids, rule.memory.before), rule)
  return { weights, memory: remembered(now, ids, rule.memory) }
}

const isRemembering = (rule: AggregationRule): rule is RememberingRule => 'memory' in rule

function placed(
  rule: Exclude<AggregationRule, ValueRule | RememberingRule>,
  members: readonly Member[],
): WholeRule {
  if (rule.rule !== 'trusted-root') return rule
  const root = members.findIndex(({ id }) => id === rule.root)
  if (root < 0) throw new RangeError(`trusted-root expected a contribution "${rule.root}", got none`)
  return { rule: 'trusted-root', root }
}

/** What a rule did, in one line. */
export function noteOf({ rule, liars, contributions, memory }: RuleReport): string {
  const against = liars === null ? '' : ` against ${liars} liars`
  const without = contributions.filter(({ weight }) => weight === 0).length
  const left = without === 0 ? '' : `; it left out ${without} of ${contributions.length}`
  const past = memory === null ? '' : ', by their distances over the rounds'
  return `robust rule: ${rule}${against}${past}, all agents counted alike${left}`
}
