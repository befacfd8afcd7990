import type { RoundCost, RoundEnergy } from '@lorica/protocol'

/** What a round took of the grid and what it cost, as far as that is known; empty where nothing is. */
export function expenseText({
  energy,
  cost,
}: {
  readonly energy?: RoundEnergy
  readonly cost?: RoundCost
}): string {
  const parts = [
    ...(energy === undefined ? [] : [energyText(energy)]),
    ...(cost === undefined ? [] : [`${amount(cost.energy + cost.traffic)} ${cost.currency}`]),
  ]
  return parts.join(', ')
}

function energyText({ joules, estimatedShare }: RoundEnergy): string {
  const wattHours = joules / 3600
  const text =
    wattHours >= 1000 ? `${(wattHours / 1000).toPrecision(3)} kWh` : `${wattHours.toPrecision(3)} Wh`
  if (estimatedShare === 0) return text
  return estimatedShare === 1
    ? `${text} estimated`
    : `${text}, ${Math.round(100 * estimatedShare)} % of it estimated`
}

const amount = (value: number): string => (value >= 1 ? value.toFixed(2) : value.toPrecision(2))
