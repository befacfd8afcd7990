import { OVERLAP_WORDS } from '../messages/probe.js'
import { type GuardSpec, looksCloser, metricsOfAnswers } from './guard-spec.js'
import type { Exclusion, Settings } from './settings.js'

const on = ({ evaluate }: Settings): readonly GuardSpec[] =>
  evaluate.guards.filter(({ mode }) => mode !== 'off')
const closer = (spec: Settings): GuardSpec | undefined => on(spec).find(looksCloser)
const isClassifier = ({ data }: Settings): boolean => ['classification', 'tokens'].includes(data.format)
/** A guard of what a classifier does not have: answers, or, where words have the classes, one class for a text. */
const ofWriters = (spec: Settings): GuardSpec | undefined =>
  on(spec).find(
    ({ metric }) =>
      metricsOfAnswers.includes(metric) ||
      (metric === 'out-of-distribution' && spec.data.format === 'tokens'),
  )
const ofReference = (spec: Settings): GuardSpec | undefined =>
  on(spec).find(({ metric }) => ['out-of-distribution', 'contamination'].includes(metric))

const wordCount = (text: string): number =>
  text.split(/[^\p{L}\p{M}\p{N}]+/u).filter((word) => word !== '').length

export const guardExclusions: readonly Exclusion[] = [
  {
    applies: (spec) => spec.aggregate.trust === 'private' && closer(spec) !== undefined,
    first: () => 'aggregate.trust private',
    second: (spec) => `evaluate.guards ${closer(spec)?.metric} of ${closer(spec)?.of ?? 'all'}`,
    because: 'only the mean loss of all agents is looked at where no single site is to be seen',
    instead: 'Guard the metric loss of all, without confidence, or leave evaluate.guards out.',
  },
  {
    applies: (spec) => isClassifier(spec) && ofWriters(spec) !== undefined,
    first: ({ data }) => `data.format ${data.format}`,
    second: (spec) => `evaluate.guards ${ofWriters(spec)?.metric}`,
    because: 'a classifier writes no text, and one of words has no class of a whole text',
    instead: 'Guard loss, accuracy, calibration, latency, memory, contamination or leakage.',
  },
  {
    applies: (spec) => spec.evaluate.reference === undefined && ofReference(spec) !== undefined,
    first: (spec) => `evaluate.guards ${ofReference(spec)?.metric}`,
    second: () => 'evaluate.reference left out',
    because: 'there is no public text to look at',
    instead: 'Give public texts as evaluate.reference.',
  },
  {
    applies: (spec) =>
      on(spec).some(({ metric }) => metric === 'contamination') &&
      spec.evaluate.reference?.some((text) => wordCount(text) >= OVERLAP_WORDS) !== true,
    first: () => 'evaluate.guards contamination',
    second: () => `evaluate.reference with no text of ${OVERLAP_WORDS} words`,
    because: `training data is searched for ${OVERLAP_WORDS} words that follow one another`,
    instead: 'Give longer public texts as evaluate.reference.',
  },
  {
    applies: (spec) => spec.evaluate.holdout === 0 && closer(spec) !== undefined,
    first: (spec) => `evaluate.guards ${closer(spec)?.metric}`,
    second: () => 'evaluate.holdout 0%',
    because: 'agents measure a candidate where they hold data out, and nowhere else',
    instead: 'Set evaluate.holdout above 0%, or leave the guard out.',
  },
]
