import type { RolloutAgentView } from '@lorica/protocol'
import { Badge } from '../parts/badge.js'
import { Panel } from '../parts/panel.js'
import { type Column, Table } from '../parts/table.js'
import { linkTo } from '../views/route.js'

const tones = { waiting: 'still', applied: 'good', failed: 'bad' } as const

/** What each agent has, and said. */
export function RolloutAgents({
  agents,
  release,
}: {
  readonly agents: readonly RolloutAgentView[]
  readonly release: string
}) {
  const has = agents.filter((agent) => agent.has === release).length
  return (
    <Panel title="Agents" note={`${has} of ${agents.length} have ${release}`} isBare>
      <Table label="Agents" columns={columns} rows={agents} keyOf={({ agentId }) => agentId} size={15} />
    </Panel>
  )
}

const columns: readonly Column<RolloutAgentView>[] = [
  {
    head: 'Agent',
    order: (a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }),
    cell: ({ name, agentId, reason }) => (
      <>
        <a class="lead" href={linkTo('fleet', agentId)}>
          {name}
        </a>
        {reason !== null && <div class="small bad">{reason}</div>}
      </>
    ),
  },
  { head: 'Group', isEnd: true, order: (a, b) => a.group - b.group, cell: ({ group }) => group },
  {
    head: 'Has',
    order: (a, b) => ((a.has ?? '') < (b.has ?? '') ? -1 : 1),
    cell: ({ has, isServed }) => (
      <>
        {has ?? '-'}
        {isServed === false && <div class="small faint">not served</div>}
      </>
    ),
  },
  {
    head: 'Said',
    order: (a, b) => (a.outcome < b.outcome ? -1 : 1),
    cell: ({ outcome }) => <Badge tone={tones[outcome]} text={outcome} />,
  },
]
