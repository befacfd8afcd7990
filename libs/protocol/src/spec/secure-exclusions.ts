import { limits } from '../limits.js'
import type { Exclusion, Settings } from './settings.js'

/** What a secure sum does not go with: the setting, and whether it is there. */
const others: readonly Pick<Exclusion, 'applies' | 'second' | 'because' | 'instead'>[] = [
  {
    applies: ({ rounds }) => rounds.mode === 'buffered',
    second: () => 'rounds.mode buffered',
    because:
      'a sum is of agents that hand their updates in together, and late ones have nobody to do it with',
    instead: 'Set rounds.mode to sync.',
  },
  {
    applies: ({ privacy }) => privacy.clip === null,
    second: () => 'privacy.clip null',
    because: 'a sum that nobody looks into has room for values within a bound only',
    instead: 'Set privacy.clip to the largest L2 norm of an update.',
  },
  {
    applies: ({ update }) => update.encoding !== 'f32',
    second: ({ update }) => `update.encoding ${update.encoding}`,
    because: 'masked values have an encoding of their own',
    instead: 'Leave update.encoding out, and set privacy.secureAggregation.bits for fewer bytes.',
  },
  {
    applies: ({ aggregate }) => aggregate.weights.by !== 'uniform',
    second: ({ aggregate }) => `aggregate.weights.by ${aggregate.weights.by}`,
    because: 'the sum counts every update alike, and weights would say how much data a site has',
    instead: 'Leave aggregate.weights out, or set aggregate.weights.by to uniform.',
  },
  {
    applies: ({ local }) => local.scaffold === true,
    second: () => 'local.scaffold true',
    because: 'the corrections are worked out of each update by itself',
    instead: 'Leave local.scaffold out.',
  },
  {
    applies: ({ peft }) => peft.ranks !== undefined,
    second: () => 'peft.ranks',
    because: 'vectors that are summed have the same values, and those of several ranks do not',
    instead: 'Leave peft.ranks out.',
  },
  {
    applies: ({ rounds }) => rounds.minimum < 3,
    second: ({ rounds }) => `rounds.minimum ${rounds.minimum}`,
    because: 'with fewer than 3 agents a sum says too much of each',
    instead: 'Set rounds.minimum to 3 or more: a round waits for as many agents.',
  },
  {
    applies: ({ rounds, privacy }) => (privacy.secureAggregation?.minSurvivors ?? 0) > rounds.minimum,
    second: ({ rounds }) => `rounds.minimum ${rounds.minimum}`,
    because: 'a round that starts with fewer agents than its sum needs could not end',
    instead: 'Set rounds.minimum to privacy.secureAggregation.minSurvivors or more.',
  },
  {
    applies: ({ rounds }) => seatsOf(rounds) > limits.sumAgents,
    second: ({ rounds }) => `rounds.goal ${rounds.goal}`,
    because: `a sum is of at most ${limits.sumAgents} agents, those beyond the goal included`,
    instead: `Lower rounds.goal or rounds.overSelect to ${limits.sumAgents} agents or fewer.`,
  },
]

const seatsOf = ({ goal, minimum, overSelect }: Settings['rounds']): number =>
  Math.ceil((goal ?? minimum) * (1 + overSelect))

/** The exclusions of a run whose updates are summed without being seen. */
export const secureExclusions: readonly Exclusion[] = others.map((other) => ({
  ...other,
  applies: (spec) => spec.aggregate.trust === 'private' && other.applies(spec),
  first: (spec) =>
    spec.privacy.secureAggregation?.minSurvivors === undefined
      ? 'aggregate.trust private'
      : `privacy.secureAggregation.minSurvivors ${spec.privacy.secureAggregation.minSurvivors}`,
}))
