import { type Account, projected, spent, withCharge } from '@lorica/privacy'
import type { PrivacyStatement } from '@lorica/protocol'
import type { Seat } from '../journal/event.js'
import type { RoundPrivacy } from '../journal/privacy-event.js'
import { ownExampleDpIn } from '../runs/example-privacy.js'
import { contributionsOf, type RoundState } from '../runs/round.js'
import type { Run } from '../runs/run.js'
import { isPrivate } from '../runs/secure-terms.js'
import { chargeOf, overBudget, type SiteAccount } from '../runs/site-privacy.js'
import type { ActiveRun } from './active-run.js'
import type { Parts } from './parts.js'

type Keeping = Pick<Parts, 'ledger'>

/**
 * All that was released about a site and all that open rounds of other runs are about to release, so that runs side by side do not
 * spend the same budget twice.
 */
export function accountOf({ ledger }: Keeping, runId: string, name: string): Account {
  const pending = ledger.runs().flatMap(({ runId: other, current }) => {
    const sits = [...(current?.seats.values() ?? [])].some((seat) => seat.name === name)
    if (other === runId || current === null || current.privacy === null || current.isCharged || !sits)
      return []
    return [chargeOf(current.privacy)]
  })
  return pending.reduce<Account>(withCharge, ledger.accounts.of(name))
}

/** Why a round may not be asked of these agents; undefined where each stays within the budget of the run. */
export function budgetFault(
  parts: Keeping,
  { runId, spec }: Pick<Run, 'runId' | 'spec'>,
  privacy: RoundPrivacy,
  agents: readonly { readonly name: string }[],
): string | undefined {
  const sites = agents.map(({ name }): SiteAccount => ({ name, account: accountOf(parts, runId, name) }))
  return overBudget(spec, privacy, sites)
}

/** Has the sites of a round pay for it, once an attempt: nothing of it was released before. */
export function chargeRound(parts: Keeping, active: ActiveRun, privacy: RoundPrivacy): void {
  const { current } = active.run()
  if (current === null || current.isCharged) return
  chargeSites(parts, active, { privacy, sites: contributionsOf(current) })
}

/**
 * Has sites pay whose agents add noise themselves, before they are asked: what comes from them is released to the coordinator. Who
 * is asked pays, whatever becomes of it.
 */
export function chargeSeats(parts: Keeping, active: ActiveRun): void {
  const { current } = active.run()
  if (current?.privacy?.noise !== 'agent' || current.isCharged) return
  chargeSites(parts, active, { privacy: current.privacy, sites: [...current.seats.values()] })
}

/**
 * Has the sites pay whose updates are in a sum that they share the noise of, before the masks come off: what comes out is released to the
 * coordinator. Whoever is in it pays, whatever becomes of it.
 */
export function chargeSum(parts: Keeping, active: ActiveRun): void {
  const { current } = active.run()
  if (current?.privacy?.noise !== 'shared' || current.isCharged) return
  chargeSites(parts, active, { privacy: current.privacy, sites: contributionsOf(current) })
}

/** The same for an agent that is asked later. */
export function chargeInvited(parts: Keeping, active: ActiveRun, seat: Seat): void {
  chargeSeats(parts, active) // of a round that a restart found unpaid
  const { current } = active.run()
  if (current?.privacy?.noise !== 'agent') return
  chargeSites(parts, active, { privacy: current.privacy, sites: [seat] })
}

function chargeSites(
  parts: Keeping,
  active: ActiveRun,
  {
    privacy,
    sites: asked,
  }: { readonly privacy: RoundPrivacy; readonly sites: readonly Pick<Seat, 'agentId' | 'name'>[] },
): void {
  const { runId, current } = active.run()
  if (current === null) return
  const sites = asked
    .map(({ agentId, name }) => ({ agentId, name }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const charge = chargeOf(privacy)
  const { delta } = privacy
  const bounds = sites.map(({ name }) => projected(parts.ledger.accounts.of(name), charge, delta))
  parts.ledger.record({
    ...{ type: 'privacy-charged', runId, round: current.round, attempt: current.attempt },
    ...{ sites, charge, delta, spent: largest(bounds)?.epsilon ?? null },
  })
}

/** The candidate that was made of the open round before a restart: with noise there is no other. Throws LRC-5002 or LRC-3008 when it is lost. */
export async function keptCandidate(
  { blobs }: Pick<Parts, 'blobs'>,
  { privacy, candidate, state }: RoundState,
): Promise<boolean> {
  if (privacy === null || candidate === null) return false
  for (const { sha256 } of [...candidate, ...(state === null ? [] : [state])]) await blobs.whole(sha256)
  return true
}

/** What a release of the open round promises; undefined where it promises nothing. */
export function statementOf({ ledger }: Keeping, run: Run, round: RoundState): PrivacyStatement | undefined {
  const { runId, spec, rounds: past } = run
  const dp = ownExampleDpIn(spec)
  if (dp !== undefined) {
    const { delta, noiseMultiplier } = dp
    const made = { unit: 'example', noise: 'agent', delta, noiseMultiplier } as const
    return statementFor(ledger, runId, made, spec.local.steps)
  }
  if (round.privacy === null || !round.isCharged) return undefined
  const statement = statementFor(ledger, runId, round.privacy)
  if (statement === undefined || !isPrivate(spec)) return statement
  const counts = [contributionsOf(round), ...past.map(({ contributions }) => contributions)].map(
    (each) => each.length,
  )
  const { share } = round.privacy
  const trusted = share === undefined ? {} : { colluding: share.colluding }
  return { ...statement, seen: Math.min(...counts), ...trusted }
}

function statementFor(
  ledger: Parts['ledger'],
  runId: string,
  {
    unit,
    delta,
    noise,
    noiseMultiplier,
  }: Pick<PrivacyStatement, 'unit' | 'delta' | 'noise' | 'noiseMultiplier'>,
  stepsOfRound = 1,
): PrivacyStatement | undefined {
  const sites = ledger.accounts.sitesOf(runId).map((name) => ({
    own: ledger.accounts.inRun(name, runId),
    all: ledger.accounts.of(name),
  }))
  const bound = largest(sites.map(({ own }) => spent(own, unit, delta)))
  const total = largest(sites.map(({ all }) => spent(all, unit, delta)))
  if (bound === null || total === null) return undefined
  const most = Math.max(...sites.map(({ own }) => own.reduce((sum, { steps }) => sum + steps, 0)))
  const rounds = most / stepsOfRound
  const { epsilon, accountant, order } = bound
  return {
    ...{ unit, adjacency: unit === 'site' ? 'zero-out' : 'add-remove', epsilon, delta, accountant, order },
    ...{ noise, noiseMultiplier, rounds, spent: total.epsilon },
  }
}

/** The largest of some bounds; null of none, and where one of them promises nothing. */
function largest<T extends { readonly epsilon: number }>(bounds: readonly (T | null)[]): T | null {
  return bounds.reduce<T | null>(
    (most, bound, at) =>
      bound === null || (at > 0 && most === null)
        ? null
        : most === null || bound.epsilon > most.epsilon
          ? bound
          : most,
    null,
  )
}
