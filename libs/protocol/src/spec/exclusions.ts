import { LoricaError } from '../errors/lorica-error.js'
import type { RunStrategy } from './aggregate-spec.js'
import { dpExclusions } from './dp-exclusions.js'
import { exampleDpExclusions } from './example-dp-exclusions.js'
import { guardExclusions } from './guard-exclusions.js'
import { leastUpdates } from './robust-spec.js'
import { scaffoldExclusions } from './scaffold-exclusions.js'
import { secureExclusions } from './secure-exclusions.js'
import type { Exclusion, Settings } from './settings.js'
import { ruleKinds, strategiesWith, strategyModes } from './trust-modes.js'

const isRefactored = ({ aggregate }: Settings): boolean => ['svd', 'fedsvd'].includes(aggregate.strategy)
const isFresh = ({ aggregate }: Settings): boolean => aggregate.strategy === 'flora'
const isSided = ({ aggregate }: Settings): boolean => strategyModes[aggregate.strategy]?.hasSide === true
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
const BUFFERABLE: readonly RunStrategy[] = ['fedavg', 'ffa', 'fedsa'] // whose change of the factors does not depend on the start

const exclusions: readonly Exclusion[] = [
  {
    applies: (spec) => isBuffered(spec) && !BUFFERABLE.includes(spec.aggregate.strategy),
    first: buffered,
    second: strategyOf,
    because:
      'a late update is a change of the factors that its round started from, and by now there are others',
    instead: `Set aggregate.strategy to one of ${BUFFERABLE.join(', ')}, or rounds.mode to sync.`,
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
    applies: ({ aggregate: { robust, optimizer } }) =>
      optimizer !== undefined && robust?.rule === 'multi-krum' && robust.halfLifeRounds !== undefined,
    first: ({ aggregate }) => `aggregate.optimizer ${aggregate.optimizer?.kind}`,
    second: () => 'aggregate.robust.halfLifeRounds',
    because: 'a run keeps one memory beside its adapter, of the optimiser or of the distances of agents',
    instead: 'Leave one of them out.',
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
    applies: ({ peft, aggregate }) =>
      peft.start === 'principal' && !['ffa', 'fedsvd'].includes(aggregate.strategy),
    first: () => 'peft.start principal',
    second: strategyOf,
    because: 'it is for a factor that agents leave as it is, and here they train both',
    instead: 'Leave peft.start out, or set aggregate.strategy to ffa or fedsvd.',
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
    applies: (spec) => isSided(spec) && spec.peft.modulesToSave !== undefined,
    first: () => 'peft.modulesToSave',
    second: strategyOf,
    because: 'a frozen side is made of factors, and a module that is trained whole has none',
    instead: `Leave peft.modulesToSave out, or set aggregate.strategy to one of ${strategiesWith(({ hasSide }) => hasSide !== true)}.`,
  },
  {
    applies: (spec) => isFresh(spec) && spec.local.optimizerState === 'keep',
    first: strategyOf,
    second: () => 'local.optimizerState keep',
    because: 'each round starts from fresh factors, which the moments of the last ones do not fit',
    instead:
      'Set local.optimizerState to reset, or aggregate.strategy to fedex, which is as exact, or fedavg.',
  },
  {
    applies: (spec) => isFresh(spec) && spec.update.encoding !== 'f32',
    first: strategyOf,
    second: ({ update }) => `update.encoding ${update.encoding}`,
    because:
      'what rounding keeps back of a round belongs to its factors, and the next round starts from fresh ones',
    instead: 'Set update.encoding to f32, or aggregate.strategy to fedex, which is as exact, or fedavg.',
  },
  {
    applies: (spec) => isSided(spec) && spec.aggregate.optimizer !== undefined,
    first: strategyOf,
    second: ({ aggregate }) => `aggregate.optimizer ${aggregate.optimizer?.kind}`,
    because:
      'the exact mean is held by frozen factors beside the trained ones, which an optimiser would not step',
    instead: 'Leave aggregate.optimizer out, or set aggregate.strategy to fedavg, ffa, rolora or lora-fair.',
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

const all: readonly Exclusion[] = [
  ...exclusions,
  ...scaffoldExclusions,
  ...guardExclusions,
  ...dpExclusions,
  ...exampleDpExclusions,
  ...secureExclusions,
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

/** LRC-3014 of two settings; of one that is null: that the first needs it. */
export function exclusion(
  [first, second]: readonly [string, string],
  because: string,
  instead: string,
): LoricaError {
  if (second.endsWith(' null')) {
    const setting = second.slice(0, -' null'.length)
    return new LoricaError('LRC-3014', `run: ${first} needs ${setting}: ${because}`, {
      expected: setting,
      received: second,
      action: instead,
    })
  }
  return new LoricaError('LRC-3014', `run: ${first} and ${second} exclude each other: ${because}`, {
    expected: `one of ${first} and ${second}`,
    received: 'both',
    action: instead,
  })
}
