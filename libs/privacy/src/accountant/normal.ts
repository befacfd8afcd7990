/**
 * The normal distribution, accurate relative to the value in both tails.
 *
 * For y >= 1/2 by the trapezoidal rule on an integral that holds erfc (Chiarella and Reichel, Math. Comp. 22, 1968), with step H:
 *
 *   exp(y^2) erfc(y) = (H y / pi) (1/y^2 + 2 sum_k exp(-(kH)^2) / ((kH)^2 + y^2)) - 2 exp(y^2) / (exp(2 pi y / H) - 1)
 *
 * with an error of exp(-(pi/H)^2); below 1/2 by the Taylor series of erf.
 *
 * @module
 */

const H = 0.5
const squares = Array.from({ length: 13 }, (_, k) => ((k + 1) * H) ** 2)
const weights = squares.map((square) => 2 * Math.exp(-square))

/** exp(y^2) erfc(y) for y >= 1/2: neither underflows nor loses digits in the tail. */
function scaledErfc(y: number): number {
  const square = y * y
  let sum = 1 / square
  for (let k = 0; k < 13; k++) sum += weights[k] / (squares[k] + square)
  const main = ((H * y) / Math.PI) * sum
  return y > Math.PI / H ? main : main - (2 * Math.exp(square)) / Math.expm1((2 * Math.PI * y) / H)
}

/** The error function for |x| <= 1/2. */
function erfSeries(x: number): number {
  let power = x
  let sum = x
  for (let k = 1; k < 16; k++) {
    power *= -(x * x) / k
    sum += power / (2 * k + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

/** P(Z <= z) of a standard normal Z. */
export function normalCdf(z: number): number {
  const y = -z * Math.SQRT1_2
  if (Math.abs(y) <= 0.5) return 0.5 * (1 - erfSeries(y))
  if (Math.abs(y) > 28) return y > 0 ? 0 : 1
  if (y > 0) return 0.5 * Math.exp(-y * y) * scaledErfc(y)
  return 1 - 0.5 * Math.exp(-y * y) * scaledErfc(-y)
}

/** log P(Z <= z); finite for every finite z whose square is. */
export function logNormalCdf(z: number): number {
  const y = -z * Math.SQRT1_2
  if (y > 0.5) return -y * y + Math.log(0.5 * scaledErfc(y))
  return y < -0.5 ? Math.log1p(-normalCdf(-z)) : Math.log(normalCdf(z))
}

/** P(low < Z <= high), from the tail in which both are small. */
export function normalBetween(low: number, high: number): number {
  return low > 0 ? normalCdf(-low) - normalCdf(-high) : normalCdf(high) - normalCdf(low)
}
