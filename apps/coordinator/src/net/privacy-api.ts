import { privacyLedgerViewSchema } from '@lorica/protocol'
import { z } from 'zod'
import { type Route, route } from '../api/route.js'
import type { Accounts } from '../runs/accounts.js'

const USUAL_DELTA = 1e-5

const deltaSchema = z.coerce
  .number('expected a number above 0 and below 1')
  .min(1e-100, 'expected a number above 0 and below 1')
  .lt(1, 'expected a number above 0 and below 1')

/** What was released about each site, and what it promises: at the delta of the latest charge, or at another one. */
export function privacyRoutes(accounts: Pick<Accounts, 'view' | 'latestDelta'>): readonly Route[] {
  return [
    route({
      path: 'GET /api/v1/privacy',
      role: 'viewer',
      summary: 'What was released about each site, and what it promises',
      query: z.object({
        delta: deltaSchema.optional().describe('of the promises; that of the latest charge if left out'),
      }),
      answer: privacyLedgerViewSchema,
      act: ({ query: { delta } }) => accounts.view(delta ?? accounts.latestDelta() ?? USUAL_DELTA),
    }),
  ]
}
