/** The share of a text such as 10% (0.1) or of a number from 0 to 1. Throws TypeError that names what was expected. */
export function parsePercentage(value: string | number): number {
  if (typeof value === 'number') {
    if (value >= 0 && value <= 1) return value
    throw new TypeError(`expected a share from 0 to 1 or a text such as 10%, got ${value}`)
  }
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(value.trim())
  const share = match === null ? Number.NaN : Number(match[1]) / 100
  if (!(share >= 0 && share <= 1))
    throw new TypeError(`expected a percentage from 0% to 100%, got "${value.slice(0, 40)}"`)
  return share
}
