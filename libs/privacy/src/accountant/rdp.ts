/**
 * Renyi differential privacy of the Gaussian mechanism under Poisson sampling: https://arxiv.org/abs/1908.10530 (section 3.3).
 *
 *   A(alpha)   = E over x of N(0, sigma^2) of ((1 - q) + q exp((2x - 1) / (2 sigma^2)))^alpha
 *   RDP(alpha) = log A(alpha) / (alpha - 1)                    alpha / (2 sigma^2) when q = 1
 *
 * A whole alpha is a binomial sum; any other is integrated by the trapezoidal rule, which converges geometrically here.
 * Curves of steps add up. The conversion is proposition 12 of https://arxiv.org/abs/2004.00010.
 *
 * @module
 */
import { checkDelta, checkPhases, countedRate, type Phase } from './phase.js'

/** The orders that are tried: 1.1 to 10.9 by 0.1, 11 to 63, 128, 256, 512, 1024. Epsilon depends on them, so they never change. */
export const rdpOrders: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => (11 + i) / 10),
  ...Array.from({ length: 53 }, (_, i) => 11 + i),
  ...[128, 256, 512, 1024],
]

/** Renyi divergences at their orders. */
export interface RdpCurve {
  readonly orders: readonly number[]
  readonly values: readonly number[]
}

export interface RdpEpsilon {
  readonly epsilon: number
  readonly order: number
}

/** The curve of all phases together, at `orders`, when a record is added or removed. */
export function rdpCurve(phases: readonly Phase[], orders: readonly number[] = rdpOrders): RdpCurve {
  checkPhases(phases)
  const values = orders.map((order) =>
    phases.reduce(
      (sum, phase) => sum + phase.steps * stepRdp(phase.noiseMultiplier, countedRate(phase), order),
      0,
    ),
  )
  return { orders, values }
}

/** The smallest epsilon over the orders of a curve at `delta`, and its order. */
export function epsilonOfRdp({ orders, values }: RdpCurve, delta: number): RdpEpsilon {
  checkDelta(delta)
  if (orders.length !== values.length || orders.length === 0)
    throw new RangeError(
      `a curve expected as many values as orders, got ${values.length} for ${orders.length}`,
    )
  const all = orders.map((order, at) => ({ order, epsilon: epsilonAt(order, values[at], delta) }))
  const best = all.reduce((least, one) => (one.epsilon < least.epsilon ? one : least))
  if (!Number.isFinite(best.epsilon))
    throw new RangeError('a curve expected a finite value at an order above 1.01')
  return best
}

function epsilonAt(order: number, rdp: number, delta: number): number {
  if (!(rdp >= 0) || !(order > 1))
    throw new RangeError(`RDP of order ${order} expected at least 0, got ${rdp}`)
  if (delta ** 2 + Math.expm1(-rdp) > 0) return 0 // delta bounds the total variation by Bretagnolle and Huber
  if (order <= 1.01) return Infinity // rounding would decide
  return Math.max(0, rdp + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1))
}

function stepRdp(sigma: number, q: number, order: number): number {
  if (q === 1) return order / (2 * sigma ** 2)
  return Math.max(0, logMoment(sigma, q, order)) / (order - 1)
}

function logMoment(sigma: number, q: number, order: number): number {
  return Number.isInteger(order) ? wholeMoment(sigma, q, order) : fractionalMoment(sigma, q, order)
}

function wholeMoment(sigma: number, q: number, order: number): number {
  const terms: number[] = []
  let logBinomial = 0
  for (let i = 0; i <= order; i++) {
    if (i > 0) logBinomial += Math.log((order - i + 1) / i)
    terms.push(logBinomial + i * Math.log(q) + (order - i) * Math.log1p(-q) + (i * i - i) / (2 * sigma ** 2))
  }
  return logSumExp(terms)
}

/** Integrates over both humps of the integrand, at 0 and at alpha. */
function fractionalMoment(sigma: number, q: number, order: number): number {
  const step = Math.min(sigma / 12, sigma ** 2 / 2) // the nearest pole lies pi sigma^2 from the axis
  const reach = 12 * sigma
  const points = Math.ceil((order + 2 * reach) / step)
  if (points > MOST_POINTS) return betweenWholeOrders(sigma, q, order)
  const terms = Array.from({ length: points }, (_, i) => {
    const x = i * step - reach
    const [kept, sampled] = [Math.log1p(-q), Math.log(q) + (2 * x - 1) / (2 * sigma ** 2)]
    const ratio = Math.max(kept, sampled) + Math.log1p(Math.exp(-Math.abs(kept - sampled)))
    return order * ratio - x ** 2 / (2 * sigma ** 2)
  })
  return logSumExp(terms) + Math.log(step / (sigma * Math.sqrt(2 * Math.PI)))
}

const MOST_POINTS = 20_000

/** log A is convex in the order, so the line between the whole orders beside it is a bound. */
function betweenWholeOrders(sigma: number, q: number, order: number): number {
  const low = Math.floor(order)
  const below = low === 1 ? 0 : wholeMoment(sigma, q, low)
  return below + (order - low) * (wholeMoment(sigma, q, low + 1) - below)
}

function logSumExp(terms: readonly number[]): number {
  const most = terms.reduce((a, b) => Math.max(a, b))
  return most + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - most), 0))
}
