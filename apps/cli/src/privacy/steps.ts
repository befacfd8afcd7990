/**
 * The options that describe noisy steps, and what a result means in words.
 * @module
 */
import type { Accountant, NoiselessPhase, Sampling } from '@lorica/privacy'
import { type Command, Option } from 'commander'
import { positiveInteger, positiveShare, probability } from '../screen/argument.js'
import { count } from '../screen/format.js'

export interface StepOptions {
  readonly samplingRate: number
  readonly sampling: Sampling
  readonly steps: number
  readonly delta: number
  readonly accountant: Accountant | 'smallest'
}

export function withStepOptions(command: Command): Command {
  return command
    .requiredOption('--steps <n>', 'steps or rounds, each with noise of its own', positiveInteger)
    .requiredOption('--delta <d>', 'the chance left out of the promise: well below 1 / records', probability)
    .option(
      '--sampling-rate <q>',
      'the chance of a record to take part in a step, such as 0.01',
      positiveShare,
      1,
    )
    .addOption(
      new Option(
        '--sampling <how>',
        'poisson: each record by a secret coin of its own; none: any other way, for which the rate counts as 1',
      )
        .choices(['poisson', 'none'])
        .default('poisson'),
    )
    .addOption(
      new Option(
        '--accountant <name>',
        'whose bound: gaussian (exact, only without sampling), pld, rdp, or the smallest',
      )
        .choices(['smallest', 'gaussian', 'pld', 'rdp'])
        .default('smallest'),
    )
}

/** The steps as an accountant takes them. */
export function phaseOf({ samplingRate, sampling, steps }: StepOptions): NoiselessPhase {
  return { samplingRate, sampling, steps }
}

export function accountantOf({ accountant }: StepOptions): Accountant | undefined {
  return accountant === 'smallest' ? undefined : accountant
}

/** With six digits, rounded up. */
export function roundedUp(value: number): number {
  const rounded = Number(value.toPrecision(6))
  return rounded >= value
    ? rounded
    : Number((rounded + 10 ** (Math.floor(Math.log10(value)) - 5)).toPrecision(6))
}

/** What epsilon promises, and what that depends on. */
export function meaning(
  epsilon: number,
  { samplingRate, sampling, steps, delta }: StepOptions,
): readonly string[] {
  const factor = Math.exp(epsilon) < 1e6 ? `${roundedUp(Math.exp(epsilon))}` : `e^${roundedUp(epsilon)}`
  return [
    `For whoever sees all ${count(steps)} steps, the odds that one record is among the data change by a factor of at most ${factor}, but for a chance of ${delta}.`,
    sampling === 'poisson' && samplingRate < 1
      ? `True only if each record takes part in each step by a secret coin of its own, with probability ${samplingRate}; otherwise add --sampling none.`
      : 'True for any way of choosing the records of a step.',
  ]
}
