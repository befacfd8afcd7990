import type { ContributionRecord, RoundCost, RoundEnergy } from '@lorica/protocol'

/** What is paid for what a round takes. */
export interface Prices {
  readonly kilowattHour: number
  readonly gigabyte: number // that goes over the links of agents, either way
  readonly currency: string // such as EUR
}

const JOULES_PER_KILOWATT_HOUR = 3.6e6

/** What the training of updates took of the grid; undefined where none of them says it. */
export function energyOf(updates: readonly Pick<ContributionRecord, 'energy'>[]): RoundEnergy | undefined {
  const said = updates.flatMap(({ energy }) => (energy === undefined ? [] : [energy]))
  if (said.length === 0) return undefined
  const sumOf = (some: typeof said) => some.reduce((sum, { joules }) => sum + joules, 0)
  const joules = sumOf(said)
  const estimated = sumOf(said.filter(({ source }) => source === 'estimated'))
  return { joules, estimatedShare: joules === 0 ? 0 : estimated / joules, updates: said.length }
}

/** What that and `bytes` over the links cost. */
export function costOf(energy: RoundEnergy | undefined, bytes: number, prices: Prices): RoundCost {
  return {
    energy: ((energy?.joules ?? 0) / JOULES_PER_KILOWATT_HOUR) * prices.kilowattHour,
    traffic: (bytes / 1e9) * prices.gigabyte,
    currency: prices.currency,
  }
}
