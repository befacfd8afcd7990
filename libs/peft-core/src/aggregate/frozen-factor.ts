/**
 * Rounds in which one factor of each module is the same in all agents: the mean of the other one is then exact.
 * @module
 */
import type { FactorPair } from '../adapter/factors.js'
import type { PeftConfig } from '../adapter/peft-config.js'
import { type Member, pairedShapes, type Shapes } from './cohort.js'
import { valuesOf } from './contribution.js'
import { expectSameRanks } from './fitting-factors.js'
import type { TensorRole } from './strategy.js'

/** Which factor is trained: by the kind of module, because an embedding starts the other way round, with A zero. */
export type TrainedFactor = 'first' | 'second'

/** The key of the factor that is frozen. The first that is trained is the one that starts as zero: B, or A of an embedding. */
export function frozenKey({ kind, keyA, keyB }: FactorPair, trained: TrainedFactor): string {
  return (kind === 'embedding') === (trained === 'first') ? keyB : keyA
}

/** The keys of the frozen factors of an adapter. */
export function frozenKeys({ pairs }: Pick<Member, 'pairs'>, trained: TrainedFactor): ReadonlySet<string> {
  return new Set([...pairs.values()].map((pair) => frozenKey(pair, trained)))
}

/** The frozen factors stay as they are; everything else is shared. */
export function rolesWith(
  adapter: { readonly config: PeftConfig; readonly shapes: Shapes },
  trained: TrainedFactor,
): ReadonlyMap<string, TensorRole> {
  const frozen = frozenKeys(pairedShapes(adapter), trained)
  return new Map([...adapter.shapes.keys()].map((name) => [name, frozen.has(name) ? 'frozen' : 'shared']))
}

/** RangeError unless a member has the ranks of the first one, and its frozen factors value by value. */
export async function expectFrozen(
  member: Member,
  first: Member,
  { strategy, trained }: { readonly strategy: string; readonly trained: TrainedFactor },
): Promise<void> {
  expectSameRanks(member, first, strategy)
  if (member === first) return
  for (const name of frozenKeys(first, trained)) {
    const [own, wanted] = [await valuesOf(member, name), await valuesOf(first, name)]
    const at = own.findIndex((value, index) => value !== wanted[index])
    if (at < 0) continue
    throw new RangeError(
      `${member.id}: ${strategy} expected the frozen "${name}" of ${first.id}, got ${own[at]} for ${wanted[at]} at ${at}; ` +
        'was it trained, or from another round?',
    )
  }
}
