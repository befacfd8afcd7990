import { z } from 'zod'
import type { Shown } from './shown.js'

const replayNoiseSchema = z.object({
  norm: z.number().describe('L2 over all trained values'),
  expectedNorm: z.number().describe('of the noise that was drawn'),
})
/** What is between a recorded candidate and the same without noise. */
export type ReplayNoise = Shown<typeof replayNoiseSchema>

/** POST /api/v1/runs/:id/rounds/:n/replay: a committed round, aggregated once more from its accepted updates. */
export const replayViewSchema = z
  .object({
    run: z.string(),
    round: z.int(),
    release: z.string().nullable().describe('null: its candidate did not pass the gate'),
    updates: z.int(),
    recordedSha256: z.string().describe('of adapter_model.safetensors of the candidate'),
    recomputedSha256: z.string(),
    isSame: z.boolean().describe('but for noise, where there is some'),
    noise: z
      .exactOptional(replayNoiseSchema)
      .describe('of a round whose sum had noise, which nobody can draw again'),
  })
  .meta({ id: 'ReplayView' })
export type ReplayView = Shown<typeof replayViewSchema>
