import { LoricaError } from '@lorica/protocol'
import type { FastifyInstance } from 'fastify'
import type { Accounts } from '../runs/accounts.js'

const USUAL_DELTA = 1e-5

/** What was released about each site, and what it promises: at the delta of the latest charge, or at another one. */
export function privacyApi(api: FastifyInstance, accounts: Pick<Accounts, 'view' | 'latestDelta'>): void {
  api.get<{ Querystring: { delta?: string } }>('/api/v1/privacy', async ({ query }) =>
    accounts.view(query.delta === undefined ? (accounts.latestDelta() ?? USUAL_DELTA) : deltaOf(query.delta)),
  )
}

function deltaOf(text: string): number {
  const delta = Number(text)
  if (delta >= 1e-100 && delta < 1) return delta
  throw new LoricaError('LRC-1007', `"delta" expected a number in (0, 1), got "${text.slice(0, 40)}"`, {
    expected: 'a number above 0 and below 1',
    received: text.slice(0, 40),
  })
}
