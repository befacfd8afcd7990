import { type GuardSpec, looksCloser } from './guard-spec.js'
import type { Exclusion, Settings } from './settings.js'

export const guardExclusions: readonly Exclusion[] = [
  {
    applies: (spec) => spec.aggregate.trust === 'private' && closer(spec) !== undefined,
    first: () => 'aggregate.trust private',
    second: (spec) => `evaluate.guards ${closer(spec)?.metric} of ${closer(spec)?.of ?? 'all'}`,
    because: 'only the mean loss of all agents is looked at where no single site is to be seen',
    instead: 'Guard the metric loss of all, without confidence, or leave evaluate.guards out.',
  },
]

const closer = ({ evaluate }: Settings): GuardSpec | undefined => evaluate.guards.find(looksCloser)
