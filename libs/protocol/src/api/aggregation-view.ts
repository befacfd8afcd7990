/** Cosines of the changes of agents, over all pairs. */
export interface AgreementView {
  readonly mean: number
  readonly least: number
}

/** What aggregation did to one adapted module. Errors are relative to the norm of the exact aggregate; null where that is zero. */
export interface AggregatedModule {
  readonly module: string
  readonly rank: number // of the candidate
  readonly norm: number // of the exact aggregate, Frobenius
  readonly change: number // of the exact aggregate from the adapter that the round started from
  readonly error: number | null // distance of the candidate from the exact aggregate
  readonly averagedError: number | null // distance that averaging A and B would have had
  readonly agreement: AgreementView | null
}

/** What one agent brought to an aggregate. */
export interface AggregatedAgent {
  readonly agentId: string
  readonly name: string
  readonly share: number
  readonly change: number | null // the norm of its change of the model, over all modules
  readonly cosine: number | null // of its change and the exact mean change
}

/** How a candidate was made of the updates of a round, and how far it is from their exact mean. */
export interface AggregationView {
  readonly strategy: string
  readonly exact: boolean // whether the strategy gives the exact mean, but for rounding
  readonly error: number | null // over all modules
  readonly averagedError: number | null
  readonly norm: number
  readonly change: number
  readonly agreement: AgreementView | null
  readonly agents: readonly AggregatedAgent[]
  readonly modules: readonly AggregatedModule[]
  readonly notes: readonly string[] // what is inexact, and why
}
