/**
 * The privacy loss of one step of the Gaussian mechanism under Poisson sampling, on a grid, never below the truth.
 *
 *   near = N(0, sigma^2)      far = N(1, sigma^2)      mixed = (1 - q) near + q far
 *   remove: a record is taken away   loss(x) = log mixed/near, x of mixed
 *   add:    a record is put in       loss(x) = log near/mixed, x of near
 *
 * What falls between two points of the grid is split among them so that its mass under both distributions stays what it is
 * ("connect the dots", https://arxiv.org/abs/2207.04380): the result dominates the mechanism at every epsilon, and errs by the
 * square of the grid's step only.
 *
 * @module
 */
import { normalBetween, normalCdf } from './normal.js'

export type Direction = 'remove' | 'add'

/** One step, and in which direction. */
export interface Step {
  readonly sigma: number
  readonly q: number
  readonly direction: Direction
}

/** Mass at (first + i) * width for each i, and at infinity; together 1. */
export interface LossGrid {
  readonly width: number
  readonly first: number
  readonly mass: Float64Array
  readonly infinite: number
}

/** Where the noise of a step is looked at: what lies outside has at most the mass exp(-reach^2 / 2) on each side. */
export function noiseRange({ sigma }: Step, reach: number): readonly [number, number] {
  return [-reach * sigma, 1 + reach * sigma]
}

/** The privacy loss at noise `x`. */
export function lossAt({ sigma, q, direction }: Step, x: number): number {
  const exponent = (2 * x - 1) / (2 * sigma ** 2)
  const loss = q === 1 || exponent > 700 ? exponent + Math.log(q) : Math.log1p(q * Math.expm1(exponent))
  return direction === 'remove' ? loss : -loss
}

/** The loss of a step between the noises that `noiseRange` gives, on the multiples of `width`. */
export function lossGrid(step: Step, width: number, reach: number): LossGrid {
  const { direction } = step
  const [low, high] = lossRange(step, reach)
  const first = Math.floor(low / width)
  const last = Math.max(first + 1, Math.ceil(high / width))
  const mass = new Float64Array(last - first + 1)
  let before = noiseAt(step, first * width)
  mass[0] = massBelow(step, before)
  for (let i = 0; i < last - first; i++) {
    const loss = (first + i) * width
    const after = noiseAt(step, loss + width)
    const [from, to] = direction === 'remove' ? [before, after] : [after, before]
    const { all, upper } = split(step, loss, width, from, to)
    mass[i] += all - upper
    mass[i + 1] += upper
    before = after
  }
  return { width, first, mass, infinite: massAbove(step, before) }
}

/** The losses at the ends of the range of noise. */
export function lossRange(step: Step, reach: number): readonly [number, number] {
  const [left, right] = noiseRange(step, reach)
  if (step.direction === 'remove') return [lossAt(step, left), lossAt(step, right)]
  return [lossAt(step, right), lossAt(step, left)]
}

/** The noise at which the loss is `loss`; minus infinity where the loss stays on the other side of it. */
function noiseAt({ sigma, q, direction }: Step, loss: number): number {
  const signed = direction === 'remove' ? loss : -loss
  const exponent =
    signed > 1
      ? signed + Math.log1p(-(1 - q) * Math.exp(-signed)) - Math.log(q)
      : Math.log1p(Math.expm1(signed) / q)
  return Number.isNaN(exponent) ? -Infinity : sigma ** 2 * exponent + 0.5
}

/** exp of more would overflow: there all mass goes to the point above. */
const MOST_EXPONENT = 600

/** The mass of the noise from `from` to `to`, and how much of it goes to the grid point above. */
function split(
  { sigma, q, direction }: Step,
  loss: number,
  width: number,
  from: number,
  to: number,
): { readonly all: number; readonly upper: number } {
  const near = normalBetween(from / sigma, to / sigma)
  const far = normalBetween((from - 1) / sigma, (to - 1) / sigma)
  if (Math.abs(loss) > MOST_EXPONENT) {
    const all = direction === 'remove' ? (1 - q) * near + q * far : near
    return { all, upper: all }
  }
  const spread = -Math.expm1(-width)
  if (direction === 'remove') {
    const all = (1 - q) * near + q * far
    const upper = (q * far - (Math.expm1(loss) + q) * near) / spread
    return { all, upper: Math.min(all, Math.max(0, upper)) }
  }
  const upper = (Math.exp(loss) * ((Math.expm1(-loss) + q) * near - q * far)) / spread
  return { all: near, upper: Math.min(near, Math.max(0, upper)) }
}

/** The mass of all losses below the one that `x` has. */
function massBelow(step: Step, x: number): number {
  return step.direction === 'remove' ? mixedCdf(step, x) : normalCdf(-x / step.sigma)
}

/** The mass of all losses above the one that `x` has. */
function massAbove(step: Step, x: number): number {
  const { sigma, q } = step
  if (step.direction === 'add') return normalCdf(x / sigma)
  return (1 - q) * normalCdf(-x / sigma) + q * normalCdf((1 - x) / sigma)
}

function mixedCdf({ sigma, q }: Step, x: number): number {
  return (1 - q) * normalCdf(x / sigma) + q * normalCdf((x - 1) / sigma)
}
