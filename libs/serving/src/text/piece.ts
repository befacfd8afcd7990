/** A part of an answer as it is shown. */
export interface Piece {
  readonly text: string
  /** The tokens since the last piece. */
  readonly tokens: readonly ToldToken[]
  /** Why the answer ends here; absent, it goes on. */
  readonly ending?: 'stop' | 'length'
}

export interface ToldToken {
  readonly text: string
  /** The natural logarithm of its probability; absent where probabilities are not told. */
  readonly logprob?: number
  /** The likeliest tokens in its place, the likeliest first. */
  readonly top?: readonly (readonly [text: string, logprob: number])[]
}
