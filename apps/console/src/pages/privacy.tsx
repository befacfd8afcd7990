import type { PrivacyLedgerView, RunView } from '@lorica/protocol'
import { useAnswer } from '../net/answer.js'
import { Awaited } from '../parts/awaited.js'
import { Blank } from '../parts/blank.js'
import { Head } from '../parts/head.js'
import { Meter } from '../parts/meter.js'
import { type Column, Table } from '../parts/table.js'
import { count, percent } from '../views/format.js'
import { upTo } from '../views/plan-facts.js'
import { ledgerSentence, type SiteRow, siteRows } from '../views/privacy-rows.js'
import { linkTo } from '../views/route.js'

/** What was released about each site, and how much of its budget that is. */
export function PrivacyPage() {
  const answer = useAnswer<PrivacyLedgerView>('/privacy', 3000)
  const { data: known } = useAnswer<{ readonly runs: readonly RunView[] }>('/runs', 10_000)
  return (
    <Awaited answer={answer}>
      {(ledger) => (
        <>
          <Head title="Privacy" note={ledgerSentence(ledger)} />
          <Table
            label="Sites"
            columns={columns}
            rows={siteRows(ledger, known?.runs ?? [])}
            keyOf={({ site }) => site}
            empty={
              <Blank title="Nothing was released about any site yet">
                <p>
                  A run with noise charges each site that takes part, before anything of the round is
                  released, and stops before its budget is gone. Choose “Noise protects each site” when you
                  start one.
                </p>
                <a class="button" href="#/runs/new">
                  Start a run
                </a>
              </Blank>
            }
          />
          <p class="small faint">
            A site goes by the name of its agent. Epsilon is at delta {ledger.delta}, over all runs with noise
            together: the smaller, the less anybody learns about that site.
          </p>
        </>
      )}
    </Awaited>
  )
}

const columns: readonly Column<SiteRow>[] = [
  {
    head: 'Site',
    order: (a, b) => a.site.localeCompare(b.site, 'en', { numeric: true }),
    cell: ({ site }) => (
      <a class="lead" href={linkTo('fleet', site)}>
        {site}
      </a>
    ),
  },
  {
    head: 'Epsilon',
    isEnd: true,
    order: (a, b) => (a.epsilon ?? Infinity) - (b.epsilon ?? Infinity),
    cell: ({ epsilon, exampleEpsilon, steps }) =>
      steps === 0 ? (
        <span class="faint">-</span>
      ) : (
        <>
          {epsilon === null ? (exampleEpsilon === null ? 'no promise' : '') : upTo(epsilon)}
          {epsilon === null && exampleEpsilon !== null && `${upTo(exampleEpsilon)} an example`}
        </>
      ),
  },
  {
    head: 'Of its budget',
    order: (a, b) => (a.share ?? -1) - (b.share ?? -1),
    cell: ({ site, share, budget }) =>
      share === null ? (
        <span class="faint">-</span>
      ) : (
        <Meter
          label={`Budget spent of ${site}`}
          value={Math.min(1, share)}
          kind={share > 0.9 ? 'bad' : 'going'}
        >
          {percent(share)} of {budget}
        </Meter>
      ),
  },
  { head: 'Steps', isEnd: true, when: 'wide', cell: ({ steps }) => count(steps) },
  { head: 'Runs', when: 'widest', cell: ({ runs }) => runs.join(', ') || <span class="faint">-</span> },
  {
    head: 'Without noise',
    when: 'wide',
    cell: ({ unprotected }) =>
      unprotected.length === 0 ? (
        <span class="faint">-</span>
      ) : (
        <span class="warn" title={unprotected.join(', ')}>
          {unprotected.length === 1 ? unprotected[0] : `${unprotected.length} runs`}
        </span>
      ),
  },
]
