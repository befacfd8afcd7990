import type { FastifyRequest } from 'fastify'
import { type Operator, operatorOf } from '../fleet/operators.js'
import type { Ledger } from '../ledger.js'
import type { Doorway } from './doorway.js'
import { sha256Of } from './operators-api.js'

/** What tells operators from strangers. */
export interface Bearers {
  readonly adminToken: string
  readonly doorway: Pick<Doorway, 'proven' | 'wrong'>
  readonly ledger: Pick<Ledger, 'operators'>
}

/** The operator whose token a request has; its connection has proven who it is. Throws LoricaError LRC-2007. */
export function bearerOf(
  { headers, raw }: Pick<FastifyRequest, 'headers' | 'raw'>,
  { adminToken, doorway, ledger }: Bearers,
): Operator {
  const token = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
  const admin: Operator = { name: 'admin', role: 'admin', tokenSha256: sha256Of(adminToken) }
  try {
    const operator = operatorOf(sha256Of(token), [admin, ...ledger.operators()])
    doorway.proven(raw.socket)
    return operator
  } catch (error) {
    if (token !== '') doorway.wrong('operate', raw.socket, 'LRC-2007')
    throw error
  }
}
