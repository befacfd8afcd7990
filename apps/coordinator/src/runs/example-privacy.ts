import type { Charge } from '@lorica/privacy'
import type { ExampleDpSpec, RunSpec, TrainAssignment } from '@lorica/protocol'

/** The protection of examples that a run asks for. */
export function exampleDpIn({ privacy }: Partial<Pick<RunSpec, 'privacy'>>): ExampleDpSpec | undefined {
  return privacy?.dp?.unit === 'example' ? privacy.dp : undefined
}

/** What agents are asked to do for it. */
export function askedOf({ budget, ...dp }: ExampleDpSpec): NonNullable<TrainAssignment['dp']> {
  return { ...dp, epsilon: budget.epsilon }
}

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
