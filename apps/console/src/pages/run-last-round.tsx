import type { ContributionRecord, RunView } from '@lorica/protocol'
import { Panel } from '../parts/panel.js'
import { type Column, Table } from '../parts/table.js'
import { percent } from '../views/format.js'
import { linkTo } from '../views/route.js'

/** The round with which a run ended, and what each agent brought to it. */
export function LastRound({ run: { run, rounds } }: { readonly run: RunView }) {
  const last = rounds.at(-1)
  if (last === undefined) {
    return (
      <Panel title="Last round">
        <p class="soft">It ended before a round was finished.</p>
      </Panel>
    )
  }
  const { round, reason, contributions } = last
  return (
    <Panel title={`Round ${round}, the last`} note={reason} isBare>
      <Table
        label="Updates of the last round"
        columns={columns}
        rows={contributions}
        keyOf={({ agentId, updateSha256 }) => `${agentId} ${updateSha256}`}
        size={6}
      />
      <p class="foot">
        <a href={linkTo('runs', run, 'rounds', round)}>What became of each agent</a>
      </p>
    </Panel>
  )
}

const columns: readonly Column<ContributionRecord>[] = [
  {
    head: 'Agent',
    cell: ({ name, agentId }) => (
      <a class="lead" href={linkTo('fleet', agentId)}>
        {name}
      </a>
    ),
  },
  { head: 'Share', isEnd: true, cell: ({ weight }) => percent(weight) },
  {
    head: 'Loss',
    isEnd: true,
    cell: ({ lossFirst, lossLast }) =>
      lossFirst === null ? (
        <span class="faint">its own</span>
      ) : (
        `${lossFirst.toFixed(3)} → ${lossLast?.toFixed(3) ?? '-'}`
      ),
  },
]
