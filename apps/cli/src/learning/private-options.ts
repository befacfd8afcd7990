/**
 * `lorica train --dp-…`: what is to be private, and what that promises.
 * @module
 */
import { type Epsilon, epsilonOf, noiseFor } from '@lorica/privacy'
import { LoricaError } from '@lorica/protocol'
import type { Command } from 'commander'
import { accounted } from '../privacy/accounted.js'
import { meaning, roundedUp } from '../privacy/steps.js'
import { positiveNumber, probability } from '../screen/argument.js'

export interface PrivateOptions {
  readonly dpNoiseMultiplier?: number
  readonly dpEpsilon?: number
  readonly dpClip?: number
  readonly dpDelta?: number
  readonly dpFreezeA?: boolean
}

/** What a private training does and promises. */
export interface PrivatePlan extends Epsilon {
  readonly clip: number
  readonly noiseMultiplier: number
  readonly samplingRate: number
  readonly steps: number
  readonly delta: number
  /** Among which each was drawn. */
  readonly examples: number
}

const DELTA = 1e-5

export function withPrivateOptions(command: Command): Command {
  return command
    .option(
      '--dp-noise-multiplier <z>',
      'train with differential privacy of each example: noise of z times the clip on the sum of a step; --batch is then the expected number of examples of a step',
      positiveNumber,
    )
    .option('--dp-epsilon <e>', 'the same, with the noise that keeps this promise', positiveNumber)
    .option('--dp-clip <norm>', 'greatest L2 norm of the gradient of one example', positiveNumber)
    .option('--dp-delta <d>', `the chance left out of the promise (default: ${DELTA})`, probability)
    .option(
      '--dp-freeze-a',
      'train B alone, beside an A of orthonormal rows (FFA-LoRA): less to add noise to, and noise never meets noise',
    )
}

export const isPrivate = (options: PrivateOptions): boolean =>
  ['dpNoiseMultiplier', 'dpEpsilon', 'dpClip', 'dpDelta', 'dpFreezeA'].some((name) => name in options)

/** Options of `lorica train` that mean nothing where examples are private, or tell of them. */
const excluded = {
  newHead: '--new-head trains a module whole, and gradients are told apart by example for factors only',
  proximal: '--proximal is not offered with privacy by example',
  log: '--log writes the losses of steps, which are exact numbers about the data',
  checkpointEvery:
    '--checkpoint-every is not offered with privacy by example: a step done again draws again, and would have to be paid for again',
  resume:
    '--resume is not offered with privacy by example: a step done again draws again, and would have to be paid for again',
} as const

/** LRC-8001 for options that go with no private training. */
export function expectPrivate(
  options: PrivateOptions & { readonly [name in keyof typeof excluded]?: unknown } & {
    readonly method: string
    readonly accumulate: number
    readonly start?: string
  },
): void {
  const { dpNoiseMultiplier, dpEpsilon, dpClip, method, accumulate } = options
  const refuse = (message: string): never => {
    throw new LoricaError('LRC-8001', message)
  }
  if ((dpNoiseMultiplier === undefined) === (dpEpsilon === undefined))
    refuse('private training expected one of --dp-noise-multiplier and --dp-epsilon')
  if (dpClip === undefined)
    refuse('private training expected --dp-clip: the greatest norm of the gradient of one example')
  for (const [name, why] of Object.entries(excluded))
    if (
      options[name as keyof typeof excluded] !== undefined &&
      options[name as keyof typeof excluded] !== false
    )
      refuse(why)
  if (method !== 'lora') refuse(`private training expected --method lora, got ${method}`)
  if (options.dpFreezeA === true && options.start !== undefined)
    refuse(`--dp-freeze-a starts from an A of its own, and --start ${options.start} asks for another`)
  if (accumulate !== 1)
    refuse(
      '--accumulate is not for private training: --batch is the expected number of examples of a step, computed in as many parts as they need',
    )
}

/** What is promised by so many steps over so many examples. LRC-8001 for what cannot be promised. */
export function privatePlan(
  { dpNoiseMultiplier, dpEpsilon, dpClip = Number.NaN, dpDelta = DELTA }: PrivateOptions,
  { samplingRate, steps, examples }: Pick<PrivatePlan, 'samplingRate' | 'steps' | 'examples'>,
): PrivatePlan {
  if (!(dpDelta * examples < 1))
    throw new LoricaError(
      'LRC-8001',
      `--dp-delta ${dpDelta} is no promise among ${examples} examples: giving one of them away whole would keep it`,
      {
        expected: `less than 1 / ${examples}, better a tenth of it`,
        received: String(dpDelta),
      },
    )
  const phase = { samplingRate, sampling: 'poisson', steps } as const
  const known = { clip: dpClip, samplingRate, steps, delta: dpDelta, examples }
  return accounted(() => {
    if (dpNoiseMultiplier === undefined)
      return { ...known, ...noiseFor(dpEpsilon as number, dpDelta, [phase]) }
    const noiseMultiplier = dpNoiseMultiplier
    return { ...known, noiseMultiplier, ...epsilonOf([{ ...phase, noiseMultiplier }], dpDelta) }
  })
}

/** What the adapter promises, in words. */
export function promise({
  epsilon,
  delta,
  noiseMultiplier,
  clip,
  samplingRate,
  steps,
  examples,
}: PrivatePlan): readonly string[] {
  return [
    `the adapter is (${roundedUp(epsilon)}, ${delta})-differentially private for each of ${examples} examples: one record, document or image`,
    `noise multiplier ${roundedUp(noiseMultiplier)}, clip ${clip}, ${steps} steps, each example in each by a secret coin of probability ${samplingRate.toPrecision(4)}`,
    ...meaning(epsilon, { samplingRate, sampling: 'poisson', steps, delta, accountant: 'smallest' }).slice(
      0,
      1,
    ),
    'The losses shown here are exact numbers about the data, and no part of the promise.',
  ]
}
