import { equalTexts, LoricaError } from '@lorica/protocol'

/** What an operator may do: read; also conduct runs; also decide who is in the fleet. Each may what those before it may. */
export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

/** An operator as the coordinator keeps it: only the hash of its token. */
export interface Operator {
  readonly name: string
  readonly role: Role
  readonly tokenSha256: string // hexadecimal
}

/**
 * Who holds a token, by the hash of that. Every operator is compared, in constant time. Throws LoricaError
 * LRC-2007 for a token of nobody.
 */
export function operatorOf(tokenSha256: string, operators: readonly Operator[]): Operator {
  let found: Operator | undefined
  for (const operator of operators) if (equalTexts(operator.tokenSha256, tokenSha256)) found = operator
  if (found !== undefined) return found
  throw new LoricaError('LRC-2007', 'the operator token is missing or wrong', {
    expected: 'authorization: Bearer TOKEN',
    received: 'another token, or none',
  })
}

/** The least role that a request needs, by the pattern of its route: a path can be written in several ways. */
export function neededRole(method: string, path: string): Role {
  if (path.startsWith('/api/v1/operators')) return 'admin'
  if (method === 'GET' || /^\/api\/v1\/(runs\/(lint|plan)|rollouts\/plan)$/.test(path)) return 'viewer'
  const isConducting =
    /^\/api\/v1\/(runs|aliases|rollouts)\b|\/audits$/.test(path) ||
    /^\/api\/v1\/agents\/:id\/(un)?cordon$/.test(path)
  return isConducting ? 'operator' : 'admin'
}

/** Throws LoricaError LRC-2015 when a role is less than what is needed. */
export function expectRole(role: Role, needed: Role): void {
  if (roles.indexOf(role) >= roles.indexOf(needed)) return
  throw new LoricaError('LRC-2015', `this needs the role ${needed}, the token is of a ${role}`, {
    expected: needed,
    received: role,
  })
}
