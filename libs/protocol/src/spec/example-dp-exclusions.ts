import type { ExampleDpSpec } from './dp-spec.js'
import type { Exclusion, Settings } from './settings.js'

const sharedIn = ({ privacy: { dp } }: Settings): ExampleDpSpec | undefined =>
  dp?.unit === 'example' && dp.noise === 'shared' ? dp : undefined

/** Of the clip of an example, the longest sum of one agent: rounded to 32 bits it is off by less than what the noise is made larger for. */
const MOST_CLIPS = 1000

const STRATEGIES: readonly string[] = ['fedavg', 'ffa', 'rolora', 'fedsvd']

/** What differential privacy of examples does not go with. */
const others: readonly Omit<Exclusion, 'first'>[] = [
  {
    applies: ({ aggregate }) => !STRATEGIES.includes(aggregate.strategy),
    second: ({ aggregate }) => `aggregate.strategy ${aggregate.strategy}`,
    because: 'it is only known of other strategies what noise does to them',
    instead: `Set aggregate.strategy to one of ${STRATEGIES.join(', ')}; where one factor is frozen, noise adds up rather than multiply.`,
  },
  {
    applies: ({ peft }) => peft.modulesToSave !== undefined,
    second: () => 'peft.modulesToSave',
    because: 'gradients are told apart by example for the factors of linear layers only',
    instead: 'Leave peft.modulesToSave out.',
  },
  {
    applies: ({ aggregate }) => aggregate.weights.by !== 'uniform',
    second: ({ aggregate }) => `aggregate.weights.by ${aggregate.weights.by}`,
    because: 'what a site trained on is drawn in secret, so it tells no counts to weigh it by',
    instead: 'Leave aggregate.weights out, or set aggregate.weights.by to uniform.',
  },
  {
    applies: ({ aggregate }) => aggregate.personal !== undefined,
    second: () => 'aggregate.personal',
    because: 'the noise is made for an adapter that is trained and sent as a whole',
    instead: 'Leave one of them out.',
  },
  {
    applies: (spec) => spec.aggregate.trust === 'private' && sharedIn(spec) === undefined,
    second: () => 'aggregate.trust private',
    because: 'of a secure sum it is not told what each agent paid, which the ledger and a release say',
    instead:
      'Set privacy.dp.noise to shared, with one samplingRate for all; or aggregate.trust to exact: each update has noise of its own.',
  },
  {
    applies: (spec) => spec.aggregate.trust !== 'private' && sharedIn(spec) !== undefined,
    second: ({ aggregate }) => `aggregate.trust ${aggregate.trust}`,
    because:
      'the part of the noise that one agent adds protects a sum and not its own update, which would be seen',
    instead: 'Set aggregate.trust to private, or privacy.dp.noise to agent.',
  },
  {
    applies: (spec) => spec.local.steps !== 1 && sharedIn(spec) !== undefined,
    second: ({ local }) => `local.steps ${local.steps}`,
    because: 'noise that is shared is on the sum of one step of all agents, and nobody steps before it',
    instead: 'Set local.steps to 1 and rounds.count to the number of steps, or privacy.dp.noise to agent.',
  },
  {
    applies: (spec) => spec.local.optimizer !== 'sgd' && sharedIn(spec) !== undefined,
    second: ({ local }) => `local.optimizer ${local.optimizer ?? 'adamw'}`,
    because: 'agents give gradients, and the step along their noisy sum is a plain one',
    instead: 'Set local.optimizer to sgd; aggregate.optimizer may follow those steps in other ways.',
  },
  {
    applies: (spec) => spec.local.weightDecay !== 0 && sharedIn(spec) !== undefined,
    second: ({ local }) => `local.weightDecay ${local.weightDecay}`,
    because: 'agents give gradients, and weights decay in the steps of an optimizer',
    instead: 'Leave local.weightDecay out.',
  },
  {
    applies: (spec) =>
      (spec.privacy.clip ?? 0) > MOST_CLIPS * (sharedIn(spec)?.clip ?? Number.POSITIVE_INFINITY),
    second: ({ privacy }) => `privacy.clip ${privacy.clip}`,
    because: `sums are computed in 32 bits, and the noise pays for their rounding up to ${MOST_CLIPS} times privacy.dp.clip`,
    instead: `Set privacy.clip to at most ${MOST_CLIPS} times privacy.dp.clip; a longer sum of one site is scaled down to it.`,
  },
  {
    applies: ({ rounds }) => rounds.mode === 'buffered',
    second: () => 'rounds.mode buffered',
    because: 'an update that counts in no round would have been paid for',
    instead: 'Set rounds.mode to sync.',
  },
  {
    applies: ({ evaluate }) => evaluate.guards.length > 0,
    second: () => 'evaluate.guards',
    because: 'losses on the text that agents hold out are exact numbers about it, so none are asked for',
    instead: 'Leave evaluate.guards out.',
  },
  {
    applies: ({ local }) => local.accumulate !== 1,
    second: ({ local }) => `local.accumulate ${local.accumulate}`,
    because:
      'local.batch is the expected number of examples of a step, computed in as many parts as they need',
    instead: 'Leave local.accumulate out, and set local.batch to all examples of a step.',
  },
  {
    applies: ({ local }) => Boolean(local.proximal) || local.scaffold === true,
    second: ({ local }) => (local.proximal ? `local.proximal ${local.proximal}` : 'local.scaffold true'),
    because: 'steps follow noisy gradients alone',
    instead: 'Leave one of them out.',
  },
]

/** The exclusions of a run that protects examples. */
export const exampleDpExclusions: readonly Exclusion[] = others.map((other) => ({
  ...other,
  applies: (spec: Settings) => spec.privacy.dp?.unit === 'example' && other.applies(spec),
  first: () => 'privacy.dp of unit example',
}))
