import { LoricaError } from '../errors/lorica-error.js'
import type { RunStrategy } from './aggregate-spec.js'
import { leastUpdates, type RobustSpec } from './robust-spec.js'
import { ruleKinds, strategiesWith, strategyModes } from './trust-modes.js'

/** The settings of a run that may exclude each other. */
interface Settings {
  readonly aggregate: {
    readonly strategy: RunStrategy
    readonly personal?: readonly string[] | undefined
    readonly trust: 'exact' | 'robust'
    readonly robust?: RobustSpec | undefined
    readonly weights: { readonly by: string }
    readonly optimizer?: { readonly kind: string } | undefined
  }
  readonly rounds: {
    readonly minimum: number
    readonly mode: 'sync' | 'buffered'
    readonly goal: number | null
    readonly overSelect: number
  }
  readonly peft: { readonly ranks?: readonly unknown[] | undefined }
  readonly local: {
    readonly optimizerState: 'reset' | 'keep'
    readonly optimizer?: 'adamw' | 'sgd' | undefined
    readonly weightDecay: number
    readonly proximal?: number | null | undefined
    readonly scaffold?: boolean | undefined
  }
  readonly privacy: { readonly clip: number | null }
  readonly update: { readonly encoding: string }
}

/** Two settings of a run that do not go together, why, and what to choose instead. */
interface Exclusion {
  applies(spec: Settings): boolean
  first(spec: Settings): string
  second(spec: Settings): string
  readonly because: string | ((spec: Settings) => string)
  readonly instead: string | ((spec: Settings) => string)
}

const isRefactored = ({ aggregate }: Settings): boolean => ['svd', 'fedsvd'].includes(aggregate.strategy)
const isTurned = (spec: Settings): boolean => isRefactored(spec) || spec.aggregate.strategy === 'fedrot'
const kindOf = ({ aggregate }: Settings) => ruleKinds[aggregate.robust?.rule ?? ''] ?? 'whole'
const ruleOf = ({ aggregate: { robust } }: Settings): string =>
  robust === undefined
    ? 'aggregate.robust'
    : `aggregate.robust ${robust.rule}${'liars' in robust && robust.liars !== undefined ? ` against ${robust.liars} liars` : ''}`
const leastOf = ({ aggregate: { robust } }: Settings): number =>
  robust === undefined ? 1 : leastUpdates(robust)
const strategyOf = ({ aggregate }: Settings): string => `aggregate.strategy ${aggregate.strategy}`

const ofOtherRank = 'the rank of an agent follows what is known of it, and what it kept would be of another'

const isBuffered = ({ rounds }: Settings): boolean => rounds.mode === 'buffered'
const buffered = () => 'rounds.mode buffered'
const BUFFERABLE: readonly RunStrategy[] = ['fedavg', 'ffa'] // whose change of the factors does not depend on the start

const exclusions: readonly Exclusion[] = [
  {
    applies: (spec) => isBuffered(spec) && !BUFFERABLE.includes(spec.aggregate.strategy),
    first: buffered,
    second: strategyOf,
    because:
      'a late update is a change of the factors that its round started from, and by now there are others',
    instead: `Set aggregate.strategy to ${BUFFERABLE.join(' or ')}, or rounds.mode to sync.`,
  },
  {
    applies: (spec) => isBuffered(spec) && spec.aggregate.robust !== undefined,
    first: buffered,
    second: ruleOf,
    because: 'a rule compares updates that started alike and count alike, and late ones do neither',
    instead: 'Leave aggregate.robust out and set aggregate.trust to exact, or set rounds.mode to sync.',
  },
  {
    applies: (spec) => isBuffered(spec) && spec.update.encoding !== 'f32',
    first: buffered,
    second: ({ update }) => `update.encoding ${update.encoding}`,
    because:
      'what rounding keeps back is owed once its update counts, and of a late one its agent does not know when',
    instead: 'Set update.encoding to f32, or rounds.mode to sync.',
  },
  {
    applies: (spec) => isBuffered(spec) && spec.rounds.goal !== null,
    first: buffered,
    second: ({ rounds }) => `rounds.goal ${rounds.goal}`,
    because: 'a buffered round closes with rounds.buffer.size updates, and every agent takes part',
    instead: 'Leave rounds.goal out, or set rounds.mode to sync.',
  },
  {
    applies: (spec) => isBuffered(spec) && spec.rounds.overSelect > 0,
    first: buffered,
    second: ({ rounds }) => `rounds.overSelect ${rounds.overSelect * 100}%`,
    because: 'every agent takes part, and slow ones hold up nobody: their work counts in a later round',
    instead: 'Leave rounds.overSelect out, or set rounds.mode to sync.',
  },
  {
    applies: (spec) => isTurned(spec) && spec.local.optimizerState === 'keep',
    first: strategyOf,
    second: () => 'local.optimizerState keep',
    because: 'each round gives the factors another basis, which the moments of the last one do not fit',
    instead: 'Set local.optimizerState to reset, or aggregate.strategy to fedavg, ffa, rolora or lora-fair.',
  },
  {
    applies: (spec) => isTurned(spec) && spec.update.encoding !== 'f32',
    first: strategyOf,
    second: ({ update }) => `update.encoding ${update.encoding}`,
    because: 'what rounding keeps back of a round belongs to its factors, and the next round has others',
    instead: 'Set update.encoding to f32, or aggregate.strategy to fedavg, ffa, rolora or lora-fair.',
  },
  {
    applies: (spec) => isRefactored(spec) && spec.aggregate.optimizer !== undefined,
    first: strategyOf,
    second: ({ aggregate }) => `aggregate.optimizer ${aggregate.optimizer?.kind}`,
    because: 'each round gives the factors another basis, which what the optimiser remembers does not fit',
    instead: 'Leave aggregate.optimizer out, or set aggregate.strategy to fedavg, ffa, rolora or lora-fair.',
  },
  {
    applies: ({ peft, aggregate }) =>
      peft.ranks !== undefined && strategyModes[aggregate.strategy]?.takesRanks !== true,
    first: () => 'peft.ranks',
    second: strategyOf,
    because: 'it adds factors value by value, and those of several ranks have different values',
    instead: `Leave peft.ranks out, or set aggregate.strategy to one of ${strategiesWith(({ takesRanks }) => takesRanks === true)}.`,
  },
  {
    applies: ({ peft, local }) => peft.ranks !== undefined && local.optimizerState === 'keep',
    first: () => 'peft.ranks',
    second: () => 'local.optimizerState keep',
    because: ofOtherRank,
    instead: 'Set local.optimizerState to reset, or leave peft.ranks out.',
  },
  {
    applies: ({ peft, update }) => peft.ranks !== undefined && update.encoding !== 'f32',
    first: () => 'peft.ranks',
    second: ({ update }) => `update.encoding ${update.encoding}`,
    because: ofOtherRank,
    instead: 'Set update.encoding to f32, or leave peft.ranks out.',
  },
  {
    applies: ({ peft, aggregate }) => peft.ranks !== undefined && aggregate.robust !== undefined,
    first: () => 'peft.ranks',
    second: ruleOf,
    because: 'a rule compares changes from one start, and an agent of a lower rank starts from less of it',
    instead: 'Leave peft.ranks out, or set aggregate.trust to exact.',
  },
  {
    applies: ({ aggregate }) =>
      aggregate.personal !== undefined && strategyModes[aggregate.strategy]?.takesPersonal !== true,
    first: () => 'aggregate.personal',
    second: strategyOf,
    because: 'it makes new factors of whole updates, and the own parts of an agent would not fit them',
    instead: `Leave aggregate.personal out, or set aggregate.strategy to one of ${strategiesWith(({ takesPersonal }) => takesPersonal === true)}.`,
  },
  {
    applies: ({ aggregate }) =>
      aggregate.robust !== undefined && (aggregate.personal !== undefined || aggregate.strategy === 'fedsa'),
    first: (spec) => (spec.aggregate.personal === undefined ? strategyOf(spec) : 'aggregate.personal'),
    second: ruleOf,
    because: 'a rule compares whole updates, and a part of each stays with its agent',
    instead: 'Set aggregate.trust to exact, or let agents send all that they train.',
  },
  {
    applies: ({ aggregate }) => aggregate.robust !== undefined && aggregate.trust === 'exact',
    first: () => 'aggregate.trust exact',
    second: ruleOf,
    because: 'exact takes the mean of all updates as they are, and a rule changes what they count',
    instead: 'Set aggregate.trust to robust, or leave aggregate.robust out.',
  },
  {
    applies: ({ aggregate }) => aggregate.trust === 'robust' && aggregate.weights.by !== 'uniform',
    first: () => 'aggregate.trust robust',
    second: ({ aggregate }) => `aggregate.weights.by ${aggregate.weights.by}`,
    because: 'agents state their counts themselves, and a liar would state what helps it',
    instead: 'Leave aggregate.weights out, or set aggregate.weights.by to uniform.',
  },
  {
    applies: (spec) =>
      spec.aggregate.robust !== undefined &&
      !(strategyModes[spec.aggregate.strategy]?.rules ?? []).includes(kindOf(spec)),
    first: strategyOf,
    second: ruleOf,
    because: (spec) =>
      kindOf(spec) === 'whole'
        ? 'this strategy has weights of its own, and a rule could not bound what an update counts'
        : 'the rule looks at single values, which mean the same for all agents only where one factor is frozen',
    instead: (spec) =>
      kindOf(spec) === 'whole'
        ? `Set aggregate.strategy to one of ${strategiesWith(({ rules }) => rules.includes('whole'))}.`
        : `Set aggregate.strategy to one of ${strategiesWith(({ rules }) => rules.includes('value'))}, or choose a rule for whole updates, such as multi-krum.`,
  },
  {
    applies: (spec) => spec.rounds.minimum < leastOf(spec),
    first: ruleOf,
    second: ({ rounds }) => `rounds.minimum ${rounds.minimum}`,
    because: (spec) => `the rule needs ${leastOf(spec)} updates in each round`,
    instead: (spec) =>
      `Set rounds.minimum to ${leastOf(spec)} or more, or choose a rule that needs fewer updates.`,
  },
]

/** What SCAFFOLD does not go with: the setting, and whether it is there. */
const notWithScaffold: readonly Pick<Exclusion, 'applies' | 'second' | 'because' | 'instead'>[] = [
  {
    applies: ({ local }) => local.optimizer !== 'sgd',
    second: ({ local }) => `local.optimizer ${local.optimizer ?? 'adamw'}`,
    because:
      'only the steps of plain gradient descent tell the mean gradient, which the correction is made of',
    instead: 'Set local.optimizer to sgd, with a larger local.learningRate.',
  },
  {
    applies: ({ local }) => local.weightDecay > 0,
    second: ({ local }) => `local.weightDecay ${local.weightDecay}`,
    because: 'a decay moves the adapter beside its gradients, which the correction is made of',
    instead: 'Leave local.weightDecay out.',
  },
  {
    applies: ({ local }) => Boolean(local.proximal),
    second: ({ local }) => `local.proximal ${local.proximal}`,
    because: 'the pull would be taken for a gradient of the data',
    instead: 'Leave one of them out.',
  },
  {
    applies: ({ aggregate }) => !['fedavg', 'ffa'].includes(aggregate.strategy),
    second: strategyOf,
    because: 'the corrections belong to tensors that each round trains, and goes on with as they are',
    instead: 'Set aggregate.strategy to fedavg or ffa.',
  },
  {
    applies: ({ aggregate }) => aggregate.weights.by !== 'uniform' && aggregate.trust !== 'robust',
    second: ({ aggregate }) => `aggregate.weights.by ${aggregate.weights.by}`,
    because: 'the corrections of all agents cancel out only where all count alike',
    instead: 'Set aggregate.weights.by to uniform.',
  },
  {
    applies: ({ aggregate }) => aggregate.trust === 'robust',
    second: () => 'aggregate.trust robust',
    because: 'a rule bounds what an update counts in the adapter, and not what it does to the corrections',
    instead: 'Leave one of them out.',
  },
  {
    applies: ({ aggregate }) => aggregate.optimizer !== undefined,
    second: ({ aggregate }) => `aggregate.optimizer ${aggregate.optimizer?.kind}`,
    because: 'each of them remembers earlier rounds, and both would count twice what they have in common',
    instead: 'Leave one of them out.',
  },
  {
    applies: ({ update }) => update.encoding !== 'f32',
    second: ({ update }) => `update.encoding ${update.encoding}`,
    because: 'what rounding keeps back would be missing from the corrections',
    instead: 'Set update.encoding to f32.',
  },
  {
    applies: ({ aggregate }) => aggregate.personal !== undefined,
    second: () => 'aggregate.personal',
    because: 'the coordinator has no control of what it never sees',
    instead: 'Leave one of them out.',
  },
  {
    applies: ({ rounds }) => rounds.mode === 'buffered',
    second: () => 'rounds.mode buffered',
    because: 'a late update was corrected by what the fleet knew of its data before',
    instead: 'Set rounds.mode to sync.',
  },
  {
    applies: ({ privacy }) => privacy.clip !== null,
    second: ({ privacy }) => `privacy.clip ${privacy.clip}`,
    because: 'a clipped update does not tell the mean gradient, which the correction is made of',
    instead: 'Leave one of them out.',
  },
]

const all: readonly Exclusion[] = [
  ...exclusions,
  ...notWithScaffold.map((other) => ({
    ...other,
    applies: (spec: Settings) => spec.local.scaffold === true && other.applies(spec),
    first: () => 'local.scaffold true',
  })),
]

const textOf = (text: string | ((spec: Settings) => string), spec: Settings): string =>
  typeof text === 'string' ? text : text(spec)

/** Refuses settings that exclude each other. Throws LoricaError LRC-3014 naming both, and what to choose instead. */
export function expectCompatible(spec: Settings): void {
  const found = all.find(({ applies }) => applies(spec))
  if (found === undefined) return
  throw exclusion(
    [found.first(spec), found.second(spec)],
    textOf(found.because, spec),
    textOf(found.instead, spec),
  )
}

/** LRC-3014 of two settings. */
export function exclusion(
  [first, second]: readonly [string, string],
  because: string,
  instead: string,
): LoricaError {
  return new LoricaError('LRC-3014', `run: ${first} and ${second} exclude each other: ${because}`, {
    expected: `one of ${first} and ${second}`,
    received: 'both',
    action: instead,
  })
}
