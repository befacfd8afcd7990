import type { FastifyRequest } from 'fastify'
import { type Operator, operatorOf } from '../fleet/operators.js'
import type { Ledger } from '../ledger.js'
import type { Doorway, Guest } from './doorway.js'
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
  bearers: Bearers,
): Operator {
  return holderOf(tokenIn(headers.authorization), raw.socket, bearers)
}

/** The token in a header `authorization`; empty: there is none. */
export const tokenIn = (authorization: string | undefined): string =>
  /^Bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? ''

/** The operator who holds a token; `guest` has proven who it is. Throws LoricaError LRC-2007, and a wrong one is an alarm. */
export function holderOf(token: string, guest: Guest, bearers: Bearers): Operator {
  try {
    const operator = operatorOf(sha256Of(token), operatorsOf(bearers))
    bearers.doorway.proven(guest)
    return operator
  } catch (error) {
    if (token !== '') bearers.doorway.wrong('operate', guest, 'LRC-2007')
    throw error
  }
}

/** Whether somebody is an operator still. */
export function isOperator({ tokenSha256 }: Operator, bearers: Bearers): boolean {
  return operatorsOf(bearers).some((one) => one.tokenSha256 === tokenSha256)
}

/** The owner of the folder, and those that the journal has. */
function operatorsOf({ adminToken, ledger }: Bearers): readonly Operator[] {
  return [{ name: 'admin', role: 'admin', tokenSha256: sha256Of(adminToken) }, ...ledger.operators()]
}
