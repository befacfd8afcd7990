import type { LoricaError } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { expectRole, neededRole, operatorOf, type Role } from './operators.js'

const operators = (['viewer', 'operator', 'admin'] as const).map((role, index) => ({
  ...{ name: role, role, tokenSha256: String(index).repeat(64) },
}))

function codeOf(act: () => unknown): string {
  try {
    act()
    return 'passes'
  } catch (error) {
    return (error as LoricaError).code
  }
}

test('a token has the role that it was made for, and a token of nobody has none', () => {
  expect([0, 1, 2].map((index) => operatorOf(String(index).repeat(64), operators).role)).toEqual([
    ...['viewer', 'operator', 'admin'],
  ])
  expect(codeOf(() => operatorOf('3'.repeat(64), operators))).toBe('LRC-2007')
  expect(codeOf(() => operatorOf('0'.repeat(63), operators))).toBe('LRC-2007')
})

test.each<[string, string, Role]>([
  ['GET', '/api/v1/agents', 'viewer'],
  ['POST', '/api/v1/runs/plan', 'viewer'],
  ['POST', '/api/v1/runs', 'operator'],
  ['POST', '/api/v1/runs/plan-7/cancel', 'operator'],
  ['POST', '/api/v1/runs/:id/pause', 'operator'],
  ['POST', '/api/v1/agents/:id/cordon', 'operator'],
  ['POST', '/api/v1/agents/:id/uncordon', 'operator'],
  ['POST', '/api/v1/agents/:id/label', 'admin'],
  ['POST', '/api/v1/agents/invite', 'admin'],
  ['POST', '/api/v1/agents/oslo/revoke', 'admin'],
  ['GET', '/api/v1/operators', 'admin'],
  ['DELETE', '/api/v1/something-new', 'admin'],
])('%s %s needs a %s', (method, path, role) => {
  expect(neededRole(method, path)).toBe(role)
})

test('each role may what the lesser ones may', () => {
  const allowed = (['viewer', 'operator', 'admin'] as const).map((role) =>
    (['viewer', 'operator', 'admin'] as const).map((needed) => codeOf(() => expectRole(role, needed))),
  )
  expect(allowed).toEqual([
    ['passes', 'LRC-2015', 'LRC-2015'],
    ['passes', 'passes', 'LRC-2015'],
    ['passes', 'passes', 'passes'],
  ])
})
