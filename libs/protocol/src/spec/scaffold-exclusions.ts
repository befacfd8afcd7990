import type { Exclusion } from './settings.js'

/** What SCAFFOLD does not go with: the setting, and whether it is there. */
const others: readonly Pick<Exclusion, 'applies' | 'second' | 'because' | 'instead'>[] = [
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
    second: ({ aggregate }) => `aggregate.strategy ${aggregate.strategy}`,
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

/** The exclusions of a run whose agents correct their steps. */
export const scaffoldExclusions: readonly Exclusion[] = others.map((other) => ({
  ...other,
  applies: (spec) => spec.local.scaffold === true && other.applies(spec),
  first: () => 'local.scaffold true',
}))
