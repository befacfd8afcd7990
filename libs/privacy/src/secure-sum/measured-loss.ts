/**
 * What an agent measured, as elements of a secure sum: whole numbers in limbs of 16 bits, so that no sum of 256 agents wraps a ring of 32
 * bits, and what comes out is the sum of what went in, exactly.
 *
 *   elements   loss in steps of 2^-16 nats: 3 limbs | tokens: 3 limbs | 1 when anything was measured      least significant first
 *
 * @module
 */
import { planRing, type Ring } from './ring.js'

/** Of one agent, or of several together. */
export interface MeasuredLoss {
  readonly lossSum: number // over tokens, in nats
  readonly tokens: number
}

/** What a sum of agents came to. */
export interface SummedLoss extends MeasuredLoss {
  readonly sites: number // of the agents, that had anything to measure
}

const LIMBS = 3
const LIMB = 2 ** 16
const STEPS = 2 ** 16 // of a nat
const MOST = 2 ** 45 // steps, or tokens, of one agent: of 256 their sum is a whole number that a double holds

/** Elements of what an agent measured. */
export const MEASURED_ELEMENTS = 2 * LIMBS + 1

/** The ring that so many agents sum in what they measured. Throws RangeError for more than it has room for. */
export function measuredRing(agents: number): Ring {
  return { ...planRing({ agents, bound: LIMB - 1, fractionBits: 0 }), bits: 32 }
}

/**
 * What an agent measured, as whole numbers: the loss to the nearest 2^-16 nats. Nothing measured is all zeros. Throws RangeError for a
 * loss that is not finite, below 0, or above 2^29 nats, for tokens that are no whole number up to 2^45, and for a loss of no tokens.
 */
export function measuredElements({ lossSum, tokens }: MeasuredLoss): Uint32Array {
  const steps = Math.round(lossSum * STEPS)
  if (!(lossSum >= 0 && steps < MOST)) throw new RangeError('lossSum expected a number from 0 to 2^29')
  if (!(Number.isSafeInteger(tokens) && tokens >= 0 && tokens < MOST))
    throw new RangeError('tokens expected a whole number from 0 to 2^45')
  if (tokens === 0 && steps > 0) throw new RangeError('lossSum expected 0 where there are no tokens')
  return Uint32Array.of(...limbsOf(steps), ...limbsOf(tokens), tokens > 0 ? 1 : 0)
}

/** What a sum of `agents` stands for, exactly. Throws RangeError for one that no such agents add up to: one of them did not keep to this. */
export function summedLoss(sum: Uint32Array, agents: number): SummedLoss {
  if (sum.length !== MEASURED_ELEMENTS)
    throw new RangeError(`sum expected ${MEASURED_ELEMENTS} elements, got ${sum.length}`)
  const [steps, tokens] = [wholeOf(sum.subarray(0, LIMBS)), wholeOf(sum.subarray(LIMBS, 2 * LIMBS))]
  const sites = sum[2 * LIMBS] as number
  const isFit = sum.every((element) => element <= agents * (LIMB - 1)) && sites <= agents
  const isCounted = tokens >= sites && (sites > 0 || (tokens === 0 && steps === 0))
  if (isFit && isCounted && steps < agents * MOST && tokens < agents * MOST)
    return { lossSum: steps / STEPS, tokens, sites }
  throw new RangeError(`sum expected what ${agents} agents measured, got numbers that cannot be`)
}

function limbsOf(value: number): readonly number[] {
  return Array.from({ length: LIMBS }, (_, at) => Math.floor(value / LIMB ** at) % LIMB)
}

function wholeOf(limbs: Uint32Array): number {
  return limbs.reduce((total, limb, at) => total + limb * LIMB ** at, 0)
}
