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

/** What a robust rule decided over one agent's update; null of a rule that looks at single values, and counts no update as a whole. */
export interface RuledAgent {
  readonly agentId: string
  readonly name: string
  readonly weight: number | null // what it counts: 0 when it was left out, less than its share when it was shortened
  readonly norm: number | null // of its change, as the rule saw it
}

/** What a robust rule made of the updates, which all counted alike before it. */
export interface RuleView {
  readonly rule: string
  readonly liars: number | null // that it was told to assume
  readonly share: number // of each update before the rule
  readonly start: number // what the rule left to the adapter that the round started from
  readonly agents: readonly RuledAgent[]
}

/** The frozen side that a candidate of flora or fedex has beside the factors that are trained next. */
export interface SideView {
  readonly rank: number // the largest of a module
  readonly maxRank: number // that one may have
  readonly dropped: number // the share of its sum of squared singular values that the bound left out in this round; 0: nothing
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
  /** The optimiser of the coordinator that made the candidate of the aggregate; all figures are of the aggregate, before its step. */
  readonly optimizer?: string
  /** Of a robust run; errors are then from the sum that the rule decided. */
  readonly rule?: RuleView | null
  readonly side?: SideView
}
