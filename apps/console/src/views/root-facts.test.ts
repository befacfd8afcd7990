import type { TrustView } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { keyRows, trustSteps, validity } from './root-facts.js'

const view = (rootKeysHere: readonly string[]): TrustView => ({
  root: {
    ...{ kind: 'root', schema: 1, fleet: 'f', version: 3, threshold: 2 },
    ...{ rootKeys: ['a', 'b', 'c'], releaseKeys: ['r'], revokedKeys: ['x'] },
    ...{ issuedAt: '2026-01-01T00:00:00.000Z', expiresAt: '2026-03-02T12:00:00.000Z' },
  },
  roots: [
    { root: '{}', signatures: [{ key: 'c', signature: 's' }] },
    { root: '{}', signatures: ['a', 'b'].map((key) => ({ key, signature: 's' })) },
  ],
  rootKeysHere,
})
const nowMs = Date.parse('2026-01-01T00:00:00.000Z')
const day = 24 * 3600 * 1000

describe('the root', () => {
  test('says of each key what it may sign, whether it signed the root in force, and where it is', () => {
    expect(keyRows(view(['b'])).map(({ key, role, what }) => `${key} ${role}: ${what}`)).toEqual([
      'a root: signed this root; is kept elsewhere',
      'b root: signed this root; lies beside the coordinator',
      'c root: did not sign this root; is kept elsewhere',
      'r release: signs releases and what agents are to have; the coordinator has it at hand',
      'x revoked: nothing that it signed is trusted',
    ])
  })

  test('is good, soon not, or no longer', () => {
    const { expiresAt } = view([]).root
    expect(validity(expiresAt, nowMs)).toEqual({ text: 'good for 60 days', tone: 'good' })
    expect(validity(expiresAt, nowMs + 16 * day)).toEqual({ text: 'good for 44 days', tone: 'warn' })
    expect(validity(expiresAt, nowMs + 59 * day)).toEqual({ text: 'good for 1 day', tone: 'warn' })
    expect(validity(expiresAt, nowMs + 61 * day)).toEqual({ text: 'expired', tone: 'bad' })
  })

  test('tells to take keys away that lie beside the coordinator, and else how the next root is made', () => {
    const firsts = (here: readonly string[], atMs: number) => trustSteps(view(here), atMs)[0]
    expect(firsts(['a', 'b'], nowMs)?.commands).toEqual([
      'lorica trust offline --dir COORDINATOR_FOLDER --out MEDIUM',
    ])
    expect(firsts(['a'], nowMs)?.commands).toHaveLength(4) // one key of two cannot sign a root
    expect(firsts([], nowMs)?.why).toContain('Change who may sign')
    expect(firsts([], nowMs + 30 * day)?.why).toContain(
      'Renew the root: draft the next one, have 2 root keys',
    )
    expect(trustSteps(view([]), nowMs)[1]?.commands).toEqual(['lorica trust rotate --out next.json'])
  })
})
