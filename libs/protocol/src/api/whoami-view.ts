import { z } from 'zod'
import type { Shown } from './shown.js'

/** Whose token a request has, and whom it asked. */
export const whoamiViewSchema = z
  .object({
    name: z.string().describe('of the operator'),
    role: z.enum(['viewer', 'operator', 'admin']),
    coordinatorId: z.string(),
    software: z.string(),
  })
  .meta({ id: 'WhoamiView' })
export type WhoamiView = Shown<typeof whoamiViewSchema>
