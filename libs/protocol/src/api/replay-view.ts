/** POST /api/v1/runs/:id/rounds/:n/replay: a committed round, aggregated once more from its accepted updates. */
export interface ReplayView {
  readonly run: string
  readonly round: number
  readonly release: string | null // null: its candidate did not pass the gate
  readonly updates: number
  readonly recordedSha256: string // of adapter_model.safetensors of the candidate
  readonly recomputedSha256: string
  readonly isSame: boolean // but for noise, where there is some
  readonly noise?: ReplayNoise // of a round whose sum had noise, which nobody can draw again
}

/** What is between a recorded candidate and the same without noise. */
export interface ReplayNoise {
  readonly norm: number // L2 over all trained values
  readonly expectedNorm: number // of the noise that was drawn
}
