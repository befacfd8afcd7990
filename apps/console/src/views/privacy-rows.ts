import type { PrivacyLedgerView, ReleaseManifest, RunView, SitePrivacy } from '@lorica/protocol'
import { count } from './format.js'
import { upTo } from './plan-facts.js'

/** What was released about a site, beside what it was promised. */
export interface SiteRow {
  readonly site: string
  readonly epsilon: number | null // of the site as a whole; null: no promise
  readonly exampleEpsilon: number | null
  readonly budget: number | null // the largest of the runs that charged it; null: none
  readonly share: number | null // of that budget
  readonly steps: number
  readonly runs: readonly string[]
  readonly unprotected: readonly string[]
}

/** Sites as lines, those that have spent most first. */
export function siteRows({ sites }: PrivacyLedgerView, runs: readonly RunView[]): readonly SiteRow[] {
  const budgets = new Map(runs.map((run) => [run.run, budgetOf(run)]))
  return sites
    .map((site): SiteRow => {
      const names = [...new Set(site.charges.map(({ run }) => run))]
      const known = names.map((name) => budgets.get(name)).filter((one) => typeof one === 'number')
      const budget = known.length === 0 ? null : Math.max(...known)
      const spent = site.epsilon ?? site.exampleEpsilon
      return {
        ...{ site: site.site, epsilon: site.epsilon, exampleEpsilon: site.exampleEpsilon, budget },
        share: budget === null || spent === null || site.charges.length === 0 ? null : spent / budget,
        steps: site.charges.reduce((sum, { steps }) => sum + steps, 0),
        ...{ runs: names, unprotected: site.unprotected },
      }
    })
    .toSorted((a, b) => (b.share ?? -1) - (a.share ?? -1) || (a.site < b.site ? -1 : 1))
}

function budgetOf({ spec }: RunView): number | null {
  const { dp } = spec.privacy
  if (dp === undefined) return null
  return dp.budget?.epsilon ?? (dp.unit === 'site' ? (dp.epsilon ?? null) : null)
}

/** What all sites together may rely on, in one sentence. */
export function ledgerSentence({ sites, delta }: PrivacyLedgerView): string {
  const charged = sites.filter(({ charges }) => charges.length > 0)
  const bare = sites.filter(({ unprotected }) => unprotected.length > 0)
  if (charged.length === 0 && bare.length === 0) return 'Nothing was released about any site yet.'
  if (charged.length === 0)
    return `No run protected its sites with noise: nothing is promised to the ${counted(bare)} that took part.`
  const most = mostSpent(charged)
  const told =
    most === null
      ? 'For at least one site nothing can be promised any more'
      : `Whoever has every release of this fleet learns at most epsilon ${upTo(most)} (at delta ${delta}) about any one site`
  return bare.length === 0
    ? `${told}.`
    : `${told}, from the runs with noise. ${counted(bare)} also took part in runs without noise, which no promise covers.`
}

function mostSpent(sites: readonly SitePrivacy[]): number | null {
  const spent = sites.map(({ epsilon, exampleEpsilon }) => epsilon ?? exampleEpsilon)
  return spent.some((one) => one === null) ? null : Math.max(...(spent as number[]))
}

const counted = (sites: readonly unknown[]): string =>
  `${sites.length} ${sites.length === 1 ? 'site' : 'sites'}`

/** The promise of a release in a sentence; null: it has none. */
export function promiseSentence({ privacy }: ReleaseManifest): string | null {
  if (privacy === undefined) return null
  const { unit, epsilon, delta, rounds, spent, seen } = privacy
  const each = unit === 'site' ? 'each site' : 'each example of each site'
  const unseen =
    seen === undefined ? '' : ` The coordinator only ever saw the sum of at least ${seen} sites' updates.`
  return `(${upTo(epsilon)}, ${delta})-private for ${each}: at most ${count(rounds)} ${rounds === 1 ? 'round' : 'rounds'} of one site, whoever has every release of the run. Over all runs of the fleet epsilon is ${upTo(spent)}.${unseen}`
}
