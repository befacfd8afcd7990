import type { Charge } from '@lorica/privacy'
import type { ExampleDpSpec, RunSpec, TrainAssignment } from '@lorica/protocol'
import type { RoundPrivacy } from '../journal/privacy-event.js'
import { shareOf } from './secure-terms.js'

/** The protection of examples that a run asks for. */
export function exampleDpIn({ privacy }: Partial<Pick<RunSpec, 'privacy'>>): ExampleDpSpec | undefined {
  return privacy?.dp?.unit === 'example' ? privacy.dp : undefined
}

/** The same where each agent adds the noise to its own update, and says what that cost. */
export function ownExampleDpIn(spec: Partial<Pick<RunSpec, 'privacy'>>): ExampleDpSpec | undefined {
  const dp = exampleDpIn(spec)
  return dp?.noise === 'shared' ? undefined : dp
}

/** The same where agents share the noise out, on the sum of one step of theirs. */
export function sharedExampleDpIn(spec: Partial<Pick<RunSpec, 'privacy'>>): ExampleDpSpec | undefined {
  const dp = exampleDpIn(spec)
  return dp?.noise === 'shared' ? dp : undefined
}

/** What agents are asked to do for it. */
export function askedOf({
  budget,
  noise,
  samplingRate,
  ...dp
}: ExampleDpSpec): NonNullable<TrainAssignment['dp']> {
  const shared = noise === 'shared' && samplingRate !== undefined ? { noise, samplingRate } : {}
  return { ...dp, epsilon: budget.epsilon, ...shared }
}

/** How a round protects the examples of `seats` agents that share the noise out. Throws LoricaError LRC-4018 for so few that there is no sum. */
export function roundOfExamples(spec: RunSpec, dp: ExampleDpSpec, seats: number): RoundPrivacy {
  const { noiseMultiplier, clip, delta, samplingRate = 1 } = dp
  return {
    ...{
      unit: 'example',
      noise: 'shared',
      clip,
      noiseMultiplier,
      valueNoise: noiseMultiplier,
      bitNoise: null,
    },
    ...{ samplingRate, cohort: spec.rounds.goal ?? seats, delta },
    share: shareOf(spec, seats, noiseMultiplier * clip * (1 + SINGLE_ERROR)),
  }
}

/** What the noise is larger by, to pay for sums of gradients that were computed and sent in 32 bits. */
const SINGLE_ERROR = 2 ** -12

/** What an update cost the examples of its site: whoever sees it sees noisy steps, whether or not it counts. */
export function chargeOfUpdate(
  { local }: Pick<RunSpec, 'local'>,
  { noiseMultiplier }: ExampleDpSpec,
  samplingRate: number,
): Charge {
  return { unit: 'example', noiseMultiplier, samplingRate, sampling: 'poisson', steps: local.steps }
}

/** Whether agents measure adapters on the text that they hold out: a loss is an exact number about it. */
export function measuresHeldOut(spec: Pick<RunSpec, 'evaluate' | 'privacy'>): boolean {
  return spec.evaluate.holdout > 0 && exampleDpIn(spec) === undefined
}
