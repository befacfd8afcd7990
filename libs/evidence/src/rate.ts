/**
 * Where the true rate of an event lies, whenever one looks.
 *
 * With a Beta(1, 1) mixture over rates (Robbins 1970), M(p) = B(1 + s, 1 + f) / (p^s (1 - p)^f) is a martingale at the true rate p after s events in
 * s + f cases, so { p: M(p) < 1 / alpha } holds it at all looks together with confidence 1 - alpha, for every number of cases.
 * @module
 */
import { logBeta } from './student.js'

export interface RateInterval {
  readonly rate: number // seen so far; NaN of no cases
  readonly low: number
  readonly high: number
}

/** The rates that `events` in `cases` do not rule out. RangeError for counts that are none, or an alpha outside (0, 1). */
export function rateInterval(events: number, cases: number, alpha: number): RateInterval {
  const areCounts = [events, cases].every((count) => Number.isSafeInteger(count) && count >= 0)
  if (!areCounts || events > cases)
    throw new RangeError(`events expected a whole number from 0 to the ${cases} cases, got ${events}`)
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha expected between 0 and 1, got ${alpha}`)
  const others = cases - events
  const rate = events / cases
  const mixture = logBeta(1 + events, 1 + others)
  const isRuledOut = (p: number): boolean =>
    mixture - (events === 0 ? 0 : events * Math.log(p)) - (others === 0 ? 0 : others * Math.log1p(-p)) >=
    Math.log(1 / alpha)
  if (cases === 0) return { rate, low: 0, high: 1 }
  return {
    rate,
    low: isRuledOut(0) ? edge(0, rate, isRuledOut) : 0,
    high: isRuledOut(1) ? edge(1, rate, isRuledOut) : 1,
  }
}

/** Between a rate that is ruled out and one that is not, where it turns; on the side that is ruled out. */
function edge(from: number, to: number, isRuledOut: (p: number) => boolean): number {
  let [out, kept] = [from, to]
  for (let step = 0; step < 100; step++) {
    const middle = (out + kept) / 2
    if (middle === out || middle === kept) break
    if (isRuledOut(middle)) out = middle
    else kept = middle
  }
  return out
}
