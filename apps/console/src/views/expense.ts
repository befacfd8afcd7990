import type { RoundCost, RoundEnergy } from '@lorica/protocol'

/** What rounds took of the grid and what that and their bytes cost, as far as it is known. */
export interface Expense {
  readonly energy: string // such as `2.5 Wh`
  readonly note: string // how much of it is estimated, and what it cost
}

interface Spent {
  readonly energy?: RoundEnergy
  readonly cost?: RoundCost
}

/** All rounds together; null where no agent said what it took. */
export function expenseOf(rounds: readonly Spent[]): Expense | null {
  const known = rounds.flatMap(({ energy }) => (energy === undefined ? [] : [energy]))
  if (known.length === 0) return null
  const joules = known.reduce((sum, energy) => sum + energy.joules, 0)
  const estimated = known.reduce((sum, energy) => sum + energy.joules * energy.estimatedShare, 0)
  const share = joules === 0 ? 0 : Math.round((100 * estimated) / joules)
  const how = share === 0 ? 'measured' : share === 100 ? 'estimated' : `${share} % of it estimated`
  return { energy: wattHours(joules / 3600), note: [how, ...costs(rounds)].join(', ') }
}

function wattHours(value: number): string {
  return value >= 1000 ? `${(value / 1000).toPrecision(3)} kWh` : `${value.toPrecision(3)} Wh`
}

function costs(rounds: readonly Spent[]): readonly string[] {
  const sums = new Map<string, number>()
  for (const { cost } of rounds)
    if (cost !== undefined)
      sums.set(cost.currency, (sums.get(cost.currency) ?? 0) + cost.energy + cost.traffic)
  return [...sums].map(([currency, sum]) => `${sum >= 1 ? sum.toFixed(2) : sum.toPrecision(2)} ${currency}`)
}
