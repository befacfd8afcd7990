import { z } from 'zod'
import type { SiteDpSpec } from './dp-spec.js'
import type { Exclusion, Settings } from './settings.js'
import { strategiesWith, strategyModes } from './trust-modes.js'

const siteDpOf = ({ privacy: { dp } }: Settings): SiteDpSpec | undefined =>
  dp?.unit === 'site' ? dp : undefined

/** Whether agents add the noise, so that nobody else has to be trusted to. */
const isOfAgents = (spec: Settings): boolean => ['agent', 'shared'].includes(siteDpOf(spec)?.noise ?? '')

/** What differential privacy of sites does not go with. */
const others: readonly Omit<Exclusion, 'first'>[] = [
  {
    applies: ({ privacy }) => privacy.clip === null,
    second: () => 'privacy.clip null',
    because: 'the noise is a multiple of the clip, which bounds what a site can change',
    instead: 'Set privacy.clip to the L2 norm that an update may have, such as 1.',
  },
  {
    applies: ({ aggregate }) => strategyModes[aggregate.strategy]?.isLinear !== true,
    second: ({ aggregate }) => `aggregate.strategy ${aggregate.strategy}`,
    because: 'noise covers the sum of the updates, and this needs each of them',
    instead: `Set aggregate.strategy to one of ${strategiesWith(({ isLinear }) => isLinear)}; ffa and fedsvd bound the change of the model itself.`,
  },
  {
    applies: ({ aggregate }) => aggregate.robust !== undefined || aggregate.trust === 'robust',
    second: () => 'aggregate.trust robust',
    because: 'noise covers the sum of the updates, and a rule looks at each of them',
    instead: 'Leave one of them out.',
  },
  {
    applies: (spec) => spec.aggregate.trust === 'private' && siteDpOf(spec)?.adaptiveClip !== undefined,
    second: () => 'aggregate.trust private',
    because: 'an adaptive clip asks which updates were clipped, and nobody sees them',
    instead: 'Leave privacy.dp.adaptiveClip out, or set aggregate.trust to exact.',
  },
  {
    applies: (spec) => spec.aggregate.trust === 'private' && siteDpOf(spec)?.noise === 'agent',
    second: () => 'aggregate.trust private',
    because: 'noise of agents is for a coordinator that sees each update, and here it sees their sum',
    instead: 'Set privacy.dp.noise to server, or aggregate.trust to exact.',
  },
  {
    applies: (spec) => siteDpOf(spec)?.noise === 'agent' && siteDpOf(spec)?.adaptiveClip !== undefined,
    second: () => 'privacy.dp.adaptiveClip',
    because: 'an adaptive clip asks which updates were clipped, and noise of agents hides that',
    instead: 'Leave privacy.dp.adaptiveClip out, or set privacy.dp.noise to server.',
  },
  {
    applies: (spec) => spec.aggregate.trust !== 'private' && siteDpOf(spec)?.noise === 'shared',
    second: ({ aggregate }) => `aggregate.trust ${aggregate.trust}`,
    because:
      'the part of the noise that one agent adds protects a sum and not its own update, which would be seen',
    instead: 'Set aggregate.trust to private, or privacy.dp.noise to server or agent.',
  },
  {
    applies: (spec) => isOfAgents(spec) && spec.evaluate.holdout > 0,
    second: ({ evaluate }) => `evaluate.holdout ${evaluate.holdout * 100}%`,
    because: 'what agents measure would tell the coordinator of their data, without noise',
    instead: 'Set evaluate.holdout to 0, or privacy.dp.noise to server.',
  },
  {
    applies: ({ aggregate }) => aggregate.weights.by !== 'uniform',
    second: ({ aggregate }) => `aggregate.weights.by ${aggregate.weights.by}`,
    because: 'a site that counts more than once changes the sum by more than the clip',
    instead: 'Leave aggregate.weights out, or set aggregate.weights.by to uniform.',
  },
  {
    applies: ({ rounds }) => rounds.mode === 'buffered',
    second: () => 'rounds.mode buffered',
    because: 'a site may be in one buffer with several updates',
    instead: 'Set rounds.mode to sync.',
  },
  {
    applies: ({ evaluate }) => evaluate.guards.length > 0,
    second: () => 'evaluate.guards',
    because: 'whether a candidate is released would tell of the text that agents hold out, without noise',
    instead: 'Leave evaluate.guards out.',
  },
  {
    applies: (spec) => spec.update.encoding !== 'f32' && siteDpOf(spec)?.adaptiveClip !== undefined,
    second: ({ update }) => `update.encoding ${update.encoding}`,
    because: 'rounding changes norms, by which an adaptive clip tells which updates were clipped',
    instead: 'Set update.encoding to f32, or leave privacy.dp.adaptiveClip out.',
  },
]

/** The exclusions of a run that protects sites. */
export const dpExclusions: readonly Exclusion[] = others.map((other) => ({
  ...other,
  applies: (spec) => siteDpOf(spec) !== undefined && other.applies(spec),
  first: () => 'privacy.dp of unit site',
}))

const protectedRunSchema = z.object({
  privacy: z.object({ dp: z.object({ unit: z.enum(['site', 'example']) }) }),
})
const weightedSchema = z.object({ aggregate: z.object({ weights: z.object({ by: z.string() }) }) })

/** A run that protects sites or examples, with the weights that this needs, where it says none. */
export function withUniformWeights(raw: unknown): unknown {
  if (!protectedRunSchema.safeParse(raw).success || weightedSchema.safeParse(raw).success) return raw
  const run = raw as { readonly aggregate?: { readonly weights?: object } }
  return { ...run, aggregate: { ...run.aggregate, weights: { ...run.aggregate?.weights, by: 'uniform' } } }
}
