/**
 * A tight accountant: the distribution of the privacy loss of all steps together, by Fourier transform.
 * https://arxiv.org/abs/2106.02848 (numerical composition), https://arxiv.org/abs/2207.04380 (the grid).
 *
 *   delta(epsilon) = P(loss = infinity) + sum over losses l > epsilon of (1 - exp(epsilon - l)) P(loss = l)
 *
 * The transform runs over the loss weighted by exp(tilt loss), which puts its precision where delta is decided, however small
 * delta is. Every rounding goes up: the grid dominates the mechanism, what wraps around the window is counted where it lands,
 * what lies above the window counts as infinite by Chernoff's bound, and the error of the arithmetic is added.
 *
 * @module
 */
import { toFrequencies, toValues } from './fft.js'
import { checkDelta, checkPhases, countedRate, type Phase } from './phase.js'
import { type Direction, type LossGrid, lossGrid, lossRange } from './privacy-loss.js'
import { type Repeated, tiltFor } from './tilt.js'

/** An upper bound on the epsilon of all phases together at `delta`, whether a record is added or removed. */
export function pldEpsilon(phases: readonly Phase[], delta: number): number {
  checkPhases(phases)
  checkDelta(delta)
  // the steps in which a record takes part number more than none with at most this probability
  if (phases.reduce((sum, phase) => sum + phase.steps * countedRate(phase), 0) <= delta) return 0
  return Math.max(...(['remove', 'add'] as const).map((direction) => oneDirection(phases, delta, direction)))
}

/** What the grid may add to epsilon, about, where the sizes below allow it. */
const GRID_ERROR = 1e-4
const MOST_WIDTH = 2 ** -9
const MOST_CELLS = 2 ** 19
/** Of delta: what may be lost in the tails of one step, and above the window. */
const TAIL = 1e-8
/** Deviations that the window reaches below where delta is decided. */
const DEVIATIONS = 8
/** What a few operations in 64 bits may be wrong by. */
const ROUND_OFF = 2 ** -51
/** A frequency below exp(this) is nothing. */
const NOTHING = -70

interface Repeats {
  readonly grid: LossGrid
  readonly times: number
}

/** The indices of losses that are told apart: from `top` down, `size` of them. */
interface Window {
  readonly width: number
  readonly top: number
  readonly size: number
}

function oneDirection(phases: readonly Phase[], delta: number, direction: Direction): number {
  const steps = phases.map((phase) => ({
    step: { sigma: phase.noiseMultiplier, q: countedRate(phase), direction },
    times: phase.steps,
  }))
  const count = steps.reduce((sum, { times }) => sum + times, 0)
  const reach = Math.sqrt(-2 * Math.log((TAIL * delta) / count))
  const here = tiltFor(steps, Math.log(delta), reach)
  const above = tiltFor(steps, Math.log(TAIL * delta), reach)
  const low = here.mean - DEVIATIONS * Math.sqrt(here.variance)
  const width = widthOf(steps, here.tilt, above.mean - low, reach)
  const grids = steps.map(({ step, times }) => ({ grid: lossGrid(step, width, reach), times }))
  const highest = (logMoments(grids, above.tilt) - Math.log(TAIL * delta)) / above.tilt
  const top = Math.ceil(highest / width) + 1
  const points = Math.max(2 ** 10, Math.min(MOST_CELLS, top - low / width + 1))
  const window = { width, top, size: 2 ** Math.ceil(Math.log2(points)) }
  const rounding = 1e-7 + (count + here.tilt * Math.abs(highest)) * ROUND_OFF
  const infinite = grids.reduce((sum, { grid, times }) => sum + times * grid.infinite, 0)
  const budget = delta * (1 - TAIL - rounding) - infinite
  return epsilonWithin(
    composed(grids, here.tilt, window),
    window,
    here.tilt,
    logMoments(grids, here.tilt),
    budget,
  )
}

function widthOf(steps: readonly Repeated[], tilt: number, span: number, reach: number): number {
  const count = steps.reduce((sum, { times }) => sum + times, 0)
  const ranges = steps.map(({ step }) => lossRange(step, reach))
  return Math.max(
    Math.min(MOST_WIDTH, Math.sqrt((12 * GRID_ERROR) / (count * (tilt + 1)))), // each step's variance grows by width^2 / 6 at most
    span / (MOST_CELLS - 4),
    ...ranges.map(([low, high]) => (high - low) / MOST_CELLS),
  )
}

/** log E exp(tilt sum of losses), over what is finite. */
function logMoments(grids: readonly Repeats[], tilt: number): number {
  return grids.reduce((sum, { grid, times }) => sum + times * logMoment(grid, tilt), 0)
}

function logMoment({ width, first, mass }: LossGrid, tilt: number): number {
  const shift = tilt * width * (tilt > 0 ? first + mass.length - 1 : first)
  let sum = 0
  for (let i = 0; i < mass.length; i++) sum += mass[i] * Math.exp(tilt * width * (first + i) - shift)
  return shift + Math.log(sum)
}

/** The tilted distribution of the sum of all losses, at least: index l of the grid is at l modulo the size. */
function composed(grids: readonly Repeats[], tilt: number, { size }: Window): Float64Array {
  const lost = ROUND_OFF * Math.log2(size) // of each frequency of masses that add up to 1
  const logRadius = new Float64Array(size)
  const angle = new Float64Array(size)
  const least = new Float64Array(size)
  let count = 0
  for (const { grid, times } of grids) {
    const { re, im } = tilted(grid, tilt, size)
    toFrequencies({ re, im })
    count += times
    for (let k = 0; k < size; k++) {
      const log = Math.log(re[k] ** 2 + im[k] ** 2 + lost ** 2) / 2
      logRadius[k] += times * log
      if (log < least[k]) least[k] = log
      if (logRadius[k] > NOTHING) angle[k] += times * Math.atan2(im[k], re[k])
    }
  }
  let error = 0
  for (let k = 0; k < size; k++) {
    const radius = logRadius[k] > NOTHING ? Math.exp(logRadius[k]) : 0
    const change = logRadius[k] - least[k] // what is left when one step is taken out
    if (change > NOTHING) error += lost * (radius + 2 * count * Math.exp(change))
    logRadius[k] = radius === 0 ? 0 : (radius * Math.cos(angle[k])) / size
    angle[k] = radius === 0 ? 0 : (radius * Math.sin(angle[k])) / size
  }
  toValues({ re: logRadius, im: angle })
  return logRadius.map((mass) => Math.max(0, mass) + error / size)
}

function tilted(
  { width, first, mass }: LossGrid,
  tilt: number,
  size: number,
): { readonly re: Float64Array; readonly im: Float64Array } {
  const re = new Float64Array(size)
  const log = logMoment({ width, first, mass, infinite: 0 }, tilt)
  for (let i = 0; i < mass.length; i++)
    re[modulo(first + i, size)] += mass[i] * Math.exp(tilt * width * (first + i) - log)
  return { re, im: new Float64Array(size) }
}

/** Where delta, which grows as epsilon falls, reaches `budget`. */
function epsilonWithin(
  masses: Float64Array,
  { width, top, size }: Window,
  tilt: number,
  logMass: number,
  budget: number,
): number {
  if (!(budget > 0)) return Infinity
  let delta = 0 // at epsilon = the loss at hand
  let weighted = 0 // sum over losses from there up of exp(loss at hand - loss) P(loss)
  for (let index = top; index > top - size && index > 0; index--) {
    const loss = index * width
    weighted += masses[modulo(index, size)] * Math.exp(logMass - tilt * loss)
    const below = delta - Math.expm1(-width) * weighted
    if (below > budget) return Math.max(0, loss + Math.log1p((delta - budget) / weighted))
    delta = below
    weighted *= Math.exp(-width)
  }
  return Math.max(0, (top - size) * width)
}

function modulo(index: number, size: number): number {
  return ((index % size) + size) % size
}
