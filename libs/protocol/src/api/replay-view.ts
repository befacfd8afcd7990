/** POST /api/v1/runs/:id/rounds/:n/replay: a committed round, aggregated once more from its accepted updates. */
export interface ReplayView {
  readonly run: string
  readonly round: number
  readonly release: string | null // null: its candidate did not pass the gate
  readonly updates: number
  readonly recordedSha256: string // of adapter_model.safetensors of the candidate
  readonly recomputedSha256: string
  readonly isSame: boolean
}
