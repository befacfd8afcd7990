/** What a model learns from one piece of data. */
export interface Example {
  readonly ids: readonly number[] // (T)
  /** The label of each token, (T), or the class of the whole, (1); -100 is not learned. Empty: the tokens themselves. */
  readonly labels: readonly number[]
  readonly typeIds?: readonly number[] // (T); zeros when absent
  /** Whether tokens were left out because there were too many. */
  readonly isCut: boolean
}
