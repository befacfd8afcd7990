import type { SumConfirmations, SumDelivery, SumRoster, SumSurvivors } from '@lorica/protocol'

/** What an agent is told before a step of a secure sum. */
export type SumTelling =
  | { readonly name: 'sum-roster'; readonly message: SumRoster }
  | { readonly name: 'sum-delivery'; readonly message: SumDelivery }
  | { readonly name: 'sum-survivors'; readonly message: SumSurvivors }
  | { readonly name: 'sum-confirmations'; readonly message: SumConfirmations }
