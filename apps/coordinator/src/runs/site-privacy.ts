import {
  type Account,
  type Charge,
  noiseFor,
  noisyRing,
  projected,
  SHARED_NOISE_APART,
  spent,
  valueNoise,
} from '@lorica/privacy'
import { LoricaError, type PlannedPrivacy, type RunSpec, type SiteDpSpec } from '@lorica/protocol'
import type { RoundPrivacy } from '../journal/privacy-event.js'
import { roundOfExamples, sharedExampleDpIn } from './example-privacy.js'
import type { Run } from './run.js'
import { shareOf } from './secure-terms.js'

/** The protection of sites that a run asks for. */
export function siteDpIn({ privacy }: Pick<RunSpec, 'privacy'>): SiteDpSpec | undefined {
  return privacy.dp?.unit === 'site' ? privacy.dp : undefined
}

/** How the next round of a run protects its sites, or their examples by noise on the sum, when it is planned with so many seats; null where it does not. */
export function roundPrivacyOf(
  { spec, clip }: Pick<Run, 'spec' | 'clip'>,
  seats: number,
): RoundPrivacy | null {
  const examples = sharedExampleDpIn(spec)
  if (examples !== undefined) return roundOfExamples(spec, examples, seats)
  const dp = siteDpIn(spec)
  if (dp === undefined) return null
  if (clip === null) throw new RangeError('a run that protects its sites expected a clip, got none')
  const cohort = spec.rounds.goal ?? seats
  const noiseMultiplier = noiseMultiplierOf(dp, spec.rounds.count)
  const bitNoise =
    dp.adaptiveClip === undefined
      ? null
      : (dp.adaptiveClip.bitNoise ?? Math.max(cohort / BIT_NOISE_SHARE, noiseMultiplier))
  return {
    ...{ unit: 'site', noise: dp.noise, clip, noiseMultiplier, bitNoise, cohort, delta: dp.delta },
    valueNoise: bitNoise === null ? noiseMultiplier : valueNoise(noiseMultiplier, bitNoise),
    ...(dp.noise === 'shared' ? { share: shareOf(spec, seats, noiseMultiplier * clip) } : {}),
  }
}

const BIT_NOISE_SHARE = 20 // of the cohort, after Andrew et al.

function noiseMultiplierOf(dp: SiteDpSpec, rounds: number): number {
  const { noiseMultiplier, epsilon = 0, delta, noise } = dp
  if (noiseMultiplier !== undefined) return noiseMultiplier
  const phase = { samplingRate: 1, sampling: 'none', steps: rounds, ...apartOf(noise) } as const
  return noiseFor(epsilon, delta, [phase]).noiseMultiplier
}

const apartOf = (noise: SiteDpSpec['noise']): Pick<Charge, 'apart'> =>
  noise === 'shared' ? { apart: SHARED_NOISE_APART } : {}

/** Whether the agents of a run share its noise out. */
const isShared = ({ privacy }: Pick<RunSpec, 'privacy'>): boolean => privacy.dp?.noise === 'shared'

/** Throws LoricaError LRC-3001 where no noise keeps what a run promises to its sites, or to their examples by noise on the sum. */
export function expectNoise(spec: RunSpec): void {
  const { goal, minimum } = spec.rounds
  const { clip, secureAggregation } = spec.privacy
  const agents = goal ?? (isShared(spec) ? minimum : 1)
  try {
    const share = roundPrivacyOf({ spec, clip }, agents)?.share
    if (share !== undefined) noisyRing({ agents, bound: clip ?? 0 }, share, secureAggregation?.bits)
  } catch (cause) {
    throw new LoricaError('LRC-3001', `run: "privacy.dp": ${(cause as Error).message}`, { cause })
  }
}

/** What the rounds of a run would do to means of so many values, were all as the first. */
export function plannedPrivacy(
  spec: RunSpec,
  { seats, values }: { readonly seats: number; readonly values: number },
): PlannedPrivacy | null {
  const isEnough = seats >= (isShared(spec) ? Math.max(3, spec.rounds.minimum) : 1)
  const privacy = isEnough ? roundPrivacyOf({ spec, clip: spec.privacy.clip }, seats) : null
  if (privacy === null) return null
  const { noise, clip, cohort, delta, noiseMultiplier, valueNoise, share } = privacy
  const rounds = { ...chargeOf(privacy), steps: spec.rounds.count }
  const perUnit = privacy.unit === 'example' ? spec.local.learningRate / spec.local.batch : null // of a gradient
  const drawn = noise === 'agent' ? Math.sqrt(seats) : Math.sqrt(seats / (share?.honest ?? seats)) // as many as there are updates, one, or one and what those add that are not counted on
  return {
    ...{ delta, noiseMultiplier, clip, cohort },
    ...(share === undefined ? {} : { honest: share.honest, colluding: share.colluding }),
    epsilon: spent([rounds], privacy.unit, delta)?.epsilon ?? 0,
    noiseNorm: (valueNoise * clip * Math.sqrt(values) * drawn * (perUnit ?? 1)) / cohort,
  }
}

/** The largest norm of an update of so many values that may be taken: noise that an agent added is far longer than the clip. */
export function mostNorm({ noise, clip, valueNoise }: RoundPrivacy, values: number): number {
  return noise === 'agent' ? clip * (1 + valueNoise * (Math.sqrt(values) + FAR)) : clip
}

const FAR = 10 // standard deviations beyond which the norm of noise never is

/**
 * What a round costs a site that is in its sum, or each of its examples. Who takes part is no secret, so nothing but the coins of examples
 * amplifies anything.
 */
export function chargeOf({ unit, noiseMultiplier, noise, samplingRate }: RoundPrivacy): Charge {
  const drawn =
    unit === 'example' && samplingRate !== undefined
      ? ({ samplingRate, sampling: 'poisson' } as const)
      : ({ samplingRate: 1, sampling: 'none' } as const)
  return { unit, noiseMultiplier, ...drawn, steps: 1, ...apartOf(noise) }
}

/** A site, and all that was released or is about to be released about it. */
export interface SiteAccount {
  readonly name: string
  readonly account: Account
}

/** Why a round may not be asked of these sites together, in words; undefined where each is one agent and stays within the budget of the run. */
export function overBudget(
  spec: Pick<RunSpec, 'privacy'>,
  privacy: RoundPrivacy,
  sites: readonly SiteAccount[],
): string | undefined {
  const dp = siteDpIn(spec) ?? sharedExampleDpIn(spec)
  const most = dp?.budget?.epsilon ?? siteDpIn(spec)?.epsilon
  if (dp === undefined || most === undefined) return undefined
  const names = sites.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined)
    return `two agents are named ${twice}, and a site that is in a sum twice changes it by twice the clip`
  const over = sites.flatMap(({ name, account }) => {
    const next = projected(account, chargeOf(privacy), dp.delta)
    if (next !== null && next.epsilon <= most) return []
    const before = spent(account, privacy.unit, dp.delta)
    return [
      next === null
        ? `${name}, of whose data something was released that protects single examples only`
        : `${name} from epsilon ${shown(before?.epsilon ?? 0)} to ${shown(next.epsilon)}`,
    ]
  })
  if (over.length === 0) return undefined
  const named = over.slice(0, 3).join(', ')
  const others = over.length > 3 ? ` and ${over.length - 3} others` : ''
  return `it would bring ${named}${others}, above the budget ${most} at delta ${dp.delta}`
}

const shown = (epsilon: number): string => String(Number(epsilon.toPrecision(4)))
