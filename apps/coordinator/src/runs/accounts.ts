/**
 * The privacy ledger: what was released about each site, over all runs, as the journal has it.
 * @module
 */
import { type Account, type Charge, spent, withCharge } from '@lorica/privacy'
import type { PrivacyLedgerView, SitePrivacy } from '@lorica/protocol'
import type { RunJournalEvent } from '../journal/event.js'
import { chargeOfUpdate, ownExampleDpIn } from './example-privacy.js'

/** Sites by name, so that an agent that joins again goes on with what was spent before. */
export interface Accounts {
  /** Takes a line of the journal in. */
  step(event: RunJournalEvent): void
  /** All that was released about a site, with noise. */
  of(site: string): Account
  /** The same of one run. */
  inRun(site: string, runId: string): Account
  /** The sites that a run charged. */
  sitesOf(runId: string): readonly string[]
  /** What is spent at a delta. */
  view(delta: number): PrivacyLedgerView
  /** The delta of the latest charge; null before the first. */
  latestDelta(): number | null
}

interface Site {
  readonly byRun: Map<string, Account>
  readonly unprotected: Set<string>
}

/** An empty ledger. */
export function createAccounts(): Accounts {
  const sites = new Map<string, Site>()
  const protectedRuns = new Set<string>()
  const byExample = new Map<string, (samplingRate: number) => Charge>() // what an update of a run costs
  let latestDelta: number | null = null
  const siteOf = (name: string): Site => {
    const site = sites.get(name) ?? { byRun: new Map(), unprotected: new Set() }
    sites.set(name, site)
    return site
  }
  const add = (name: string, runId: string, charge: Charge): void => {
    const { byRun } = siteOf(name)
    byRun.set(runId, withCharge(byRun.get(runId) ?? [], charge))
  }
  const of = (name: string): Account =>
    [...(sites.get(name)?.byRun.values() ?? [])].flat().reduce<Account>(withCharge, [])
  return {
    step(event) {
      if (event.type === 'run-created' && event.spec.privacy?.dp !== undefined) protectedRuns.add(event.runId)
      if (event.type === 'run-created') {
        const dp = ownExampleDpIn(event.spec)
        if (dp !== undefined)
          byExample.set(event.runId, (samplingRate) => chargeOfUpdate(event.spec, dp, samplingRate))
      }
      if (event.type === 'update-accepted' && !protectedRuns.has(event.runId))
        siteOf(event.contribution.name).unprotected.add(event.runId)
      if (event.type === 'update-accepted') {
        const { name, samplingRate = 1 } = event.contribution
        const charge = byExample.get(event.runId)?.(samplingRate)
        if (charge !== undefined) add(name, event.runId, charge)
      }
      if (event.type !== 'privacy-charged') return
      latestDelta = event.delta
      for (const { name } of event.sites) add(name, event.runId, event.charge)
    },
    of,
    inRun: (name, runId) => sites.get(name)?.byRun.get(runId) ?? [],
    sitesOf: (runId) => [...sites].flatMap(([name, { byRun }]) => (byRun.has(runId) ? [name] : [])),
    latestDelta: () => latestDelta,
    view: (delta) => ({
      delta,
      sites: [...sites]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, site]) => viewOf(name, site, of(name), delta)),
    }),
  }
}

function viewOf(name: string, { byRun, unprotected }: Site, account: Account, delta: number): SitePrivacy {
  const bound = spent(account, 'site', delta)
  return {
    site: name,
    epsilon: bound?.epsilon ?? null,
    accountant: bound?.accountant ?? null,
    order: bound?.order ?? null,
    exampleEpsilon: spent(account, 'example', delta)?.epsilon ?? null,
    charges: [...byRun].flatMap(([run, charges]) => charges.map((charge: Charge) => ({ run, ...charge }))),
    unprotected: [...unprotected],
  }
}
