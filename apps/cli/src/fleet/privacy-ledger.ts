import type { PrivacyLedgerView, SitePrivacy } from '@lorica/protocol'
import { Command } from 'commander'
import { probability } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { count, table } from '../screen/format.js'
import { type ApiOptions, createApi } from './api.js'
import { withApi } from './run.js'

interface LedgerOptions extends ApiOptions {
  readonly delta?: number
}

/** `lorica privacy ledger`: what was released about each site, over all runs, and what it promises. */
export function privacyLedgerCommand(): Command {
  const command = new Command('ledger')
    .description(
      'what all runs of a coordinator released about each site, and the epsilon that all of it together keeps',
    )
    .option(
      '--delta <d>',
      'the chance left out of the promise; that of the latest run where it is left out',
      probability,
    )
    .addHelpText(
      'after',
      '\nA site is counted by the name of its agent. Updates of runs without privacy.dp are named: no promise covers them.',
    )
  return runs(withApi(command), async (options: LedgerOptions, output) => {
    const query = options.delta === undefined ? '' : `?delta=${options.delta}`
    const view = await createApi(options).get<PrivacyLedgerView>(`/api/v1/privacy${query}`)
    output.result(view, linesOf(view))
  })
}

function linesOf({ delta, sites }: PrivacyLedgerView): readonly string[] {
  if (sites.length === 0) return ['nothing was released about any site yet']
  const rows = sites.map((site) => [
    ...[site.site, epsilonText(site.epsilon, site), epsilonText(site.exampleEpsilon, site)],
    ...[
      count(site.charges.reduce((sum, { steps }) => sum + steps, 0)),
      String(new Set(site.charges.map(({ run }) => run)).size),
    ],
    site.unprotected.length === 0 ? '-' : site.unprotected.join(', '),
  ])
  const heads = ['site', 'epsilon', 'of an example', 'steps', 'runs', 'without noise']
  return [`epsilon at delta ${delta}, over all runs with noise together`, '', ...table([heads, ...rows])]
}

function epsilonText(epsilon: number | null, { charges }: SitePrivacy): string {
  if (charges.length === 0) return '-'
  return epsilon === null ? 'no promise' : epsilon.toFixed(4)
}
