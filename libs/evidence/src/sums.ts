/** What is known of many values without any one of them: how many, their sum, and the sum of their squares. */
export interface Sums {
  readonly count: number
  readonly sum: number
  readonly sumOfSquares: number
}

/** The sums of some values. */
export function sumsOf(values: readonly number[]): Sums {
  return {
    count: values.length,
    sum: values.reduce((all, value) => all + value, 0),
    sumOfSquares: values.reduce((all, value) => all + value * value, 0),
  }
}

/** The sums of all values of several parts together. */
export function added(parts: readonly Sums[]): Sums {
  return {
    count: parts.reduce((all, { count }) => all + count, 0),
    sum: parts.reduce((all, { sum }) => all + sum, 0),
    sumOfSquares: parts.reduce((all, { sumOfSquares }) => all + sumOfSquares, 0),
  }
}

/** Their mean; NaN of none. */
export function meanOf({ count, sum }: Sums): number {
  return sum / count
}

/** The variance of the population that they are a sample of; 0 of fewer than two. */
export function varianceOf({ count, sum, sumOfSquares }: Sums): number {
  if (count < 2) return 0
  return Math.max(0, sumOfSquares - (sum * sum) / count) / (count - 1)
}

/** RangeError unless they are sums of real values: a whole count of at least `least`, finite sums, and squares as large as their sum asks for. */
export function expectSums(name: string, { count, sum, sumOfSquares }: Sums, least = 1): void {
  const isWhole = Number.isSafeInteger(count) && count >= least
  if (!isWhole)
    throw new RangeError(`${name}: count expected a whole number of at least ${least}, got ${count}`)
  if (!Number.isFinite(sum)) throw new RangeError(`${name}: sum expected a finite number, got ${sum}`)
  const smallest = count === 0 ? 0 : ((sum * sum) / count) * (1 - 1e-9)
  if (!(sumOfSquares >= smallest && sumOfSquares < Number.POSITIVE_INFINITY))
    throw new RangeError(`${name}: sum of squares expected at least ${smallest}, got ${sumOfSquares}`)
}
