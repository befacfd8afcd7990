import { z } from 'zod'
import type { Shown } from './shown.js'

/** A base model that a run may name. */
export const baseViewSchema = z
  .object({
    path: z.string().describe('on the machine of the coordinator'),
    name: z.string(),
    runs: z.int().describe('that were made of it; 0: none yet'),
  })
  .meta({ id: 'BaseView' })
export type BaseView = Shown<typeof baseViewSchema>
