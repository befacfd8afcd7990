import type { PrivacyLedgerView, RunView, SitePrivacy } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { upTo } from './plan-facts.js'
import { ledgerSentence, siteRows } from './privacy-rows.js'

const charge = (run: string, steps: number) => ({
  ...{ run, unit: 'site' as const, noiseMultiplier: 1.5, samplingRate: 1, sampling: 'none' as const, steps },
})
const site = (name: string, epsilon: number | null, changed: Partial<SitePrivacy> = {}): SitePrivacy => ({
  ...{ site: name, epsilon, accountant: 'gaussian' as const, order: null, exampleEpsilon: null },
  ...{ charges: [charge('tone-1', 3), charge('voice-2', 2)], unprotected: [] },
  ...changed,
})
const run = (name: string, dp: unknown) => ({ run: name, spec: { privacy: { dp } } }) as unknown as RunView
const runs = [
  run('tone-1', { unit: 'site', epsilon: 4, delta: 1e-5 }),
  run('voice-2', { unit: 'site', noiseMultiplier: 1.5, delta: 1e-5, budget: { epsilon: 8 } }),
]
const ledger = (...sites: readonly SitePrivacy[]): PrivacyLedgerView => ({ delta: 1e-5, sites })

test('what a site has spent stands beside the largest budget of its runs, those that spent most first', () => {
  const rows = siteRows(
    ledger(site('oslo', 2), site('turin', 6.4), site('graz', null, { charges: [], unprotected: ['old-1'] })),
    runs,
  )
  expect(rows.map(({ site: name, budget, share, steps }) => [name, budget, share, steps])).toEqual([
    ['turin', 8, 0.8, 5],
    ['oslo', 8, 0.25, 5],
    ['graz', null, null, 0],
  ])
})

test('the sentence tells what whoever has everything learns, and leaves nothing out', () => {
  expect(ledgerSentence(ledger())).toBe('Nothing was released about any site yet.')
  expect(ledgerSentence(ledger(site('oslo', 2.00042), site('turin', 1.5)))).toBe(
    'Whoever has every release of this fleet learns at most epsilon 2.001 (at delta 0.00001) about any one site.',
  )
  expect(
    ledgerSentence(ledger(site('oslo', 2), site('graz', null, { charges: [], unprotected: ['old-1'] }))),
  ).toContain('1 site also took part in runs without noise')
  expect(ledgerSentence(ledger(site('oslo', null)))).toContain('nothing can be promised any more')
  expect(ledgerSentence(ledger(site('oslo', null, { charges: [], unprotected: ['old-1'] })))).toContain(
    'nothing is promised to the 1 site',
  )
})

test('an epsilon is never told smaller than it is', () => {
  expect([2.0001, 2, 0.1234, 0.3].map(upTo)).toEqual(['2.001', '2', '0.124', '0.3'])
})
