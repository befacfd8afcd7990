import type { AgentView } from '@lorica/protocol'
import { useState } from 'preact/hooks'
import { useAnswer } from '../net/answer.js'
import { iMay } from '../net/me.js'
import { Awaited } from '../parts/awaited.js'
import { Badge } from '../parts/badge.js'
import { Blank } from '../parts/blank.js'
import { Head } from '../parts/head.js'
import { useNowMs } from '../parts/now.js'
import { type Column, Table } from '../parts/table.js'
import { agentState } from '../views/agent-state.js'
import {
  deviceText,
  type FleetFilter,
  filterCounts,
  filterNames,
  fleetFilters,
  fleetRows,
  memoryOf,
  versionCounts,
  waitingAgents,
} from '../views/fleet-rows.js'
import { ago, bytes, count } from '../views/format.js'
import { linkTo } from '../views/route.js'
import { WaitingPanel } from './fleet-waiting.js'
import { Invite } from './invite.js'

type Agents = { readonly agents: readonly AgentView[] }

/** Every agent, and those that wait for a decision. */
export function FleetPage() {
  const answer = useAnswer<Agents>('/agents', 2000)
  const [filter, setFilter] = useState<FleetFilter>('all')
  const [search, setSearch] = useState('')
  const [isInviting, setInviting] = useState(false)
  const nowMs = useNowMs()
  return (
    <>
      <Head title="Fleet" note="The machines that train. Their data stays on them.">
        {iMay('invite-agent') && (
          <button
            type="button"
            class="first"
            onClick={() => setInviting(!isInviting)}
            aria-expanded={isInviting}
          >
            Invite agents
          </button>
        )}
      </Head>
      {isInviting && <Invite />}
      <Awaited answer={answer}>
        {({ agents }) => {
          const counts = filterCounts(agents)
          const waiting = waitingAgents(agents)
          return (
            <>
              {waiting.length > 0 && <WaitingPanel agents={waiting} refresh={answer.refresh} />}
              {agents.length === 0 ? (
                <Blank title="No agents yet">
                  <p>
                    An agent joins with a link, by one command on the machine that has the data. It needs no
                    open port there, and what it may do is up to that machine.
                  </p>
                  {iMay('invite-agent') ? (
                    <button type="button" class="first" onClick={() => setInviting(true)}>
                      Make a link
                    </button>
                  ) : (
                    <p>Links are made by an admin.</p>
                  )}
                </Blank>
              ) : (
                <>
                  <div class="row spread">
                    <div class="choices">
                      {fleetFilters
                        .filter((one) => one === 'all' || one === filter || counts[one] > 0)
                        .map((one) => (
                          <button
                            key={one}
                            type="button"
                            class="choice"
                            aria-pressed={filter === one}
                            onClick={() => setFilter(one)}
                          >
                            {filterNames[one]} <span class="n">{count(counts[one])}</span>
                          </button>
                        ))}
                    </div>
                    <input
                      type="search"
                      aria-label="Search agents"
                      placeholder="Name, id, label, device, version"
                      value={search}
                      onInput={({ currentTarget }) => setSearch(currentTarget.value)}
                    />
                  </div>
                  <Versions agents={agents} onSearch={setSearch} />
                  <Table
                    label="Agents"
                    columns={columns(nowMs)}
                    rows={fleetRows(agents, filter, search)}
                    keyOf={({ agentId }) => agentId}
                    empty={
                      <Blank title="No agent is like that">
                        <p>Change the words or the filter.</p>
                      </Blank>
                    }
                  />
                </>
              )}
            </>
          )
        }}
      </Awaited>
    </>
  )
}

/** Which versions run, where there is more than one: agents of an older one may not know everything that a run asks. */
function Versions({
  agents,
  onSearch,
}: {
  readonly agents: readonly AgentView[]
  readonly onSearch: (text: string) => void
}) {
  const versions = versionCounts(agents)
  if (versions.length < 2) return null
  return (
    <div class="banner warn">
      <span>{versions.length} versions of the software are connected:</span>
      {versions.map(({ software, agents: number }) => (
        <button key={software} type="button" class="plain link" onClick={() => onSearch(software)}>
          {software} ({count(number)})
        </button>
      ))}
    </div>
  )
}

const columns = (nowMs: number): readonly Column<AgentView>[] => [
  {
    head: 'Agent',
    order: (a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }),
    cell: ({ name, agentId, alarm }) => (
      <>
        <a class="lead" href={linkTo('fleet', agentId)}>
          {name}
        </a>
        {alarm !== null && <div class="small bad">{alarm.kind}</div>}
      </>
    ),
  },
  {
    head: 'State',
    order: (a, b) => (agentState(a).text < agentState(b).text ? -1 : 1),
    cell: (agent) => <Badge {...agentState(agent)} />,
  },
  {
    head: 'Does',
    when: 'wide',
    cell: ({ doing }) =>
      doing === null ? (
        <span class="faint">-</span>
      ) : (
        <a href={linkTo('runs', doing.runId)}>
          {doing.kind === 'train' ? 'trains' : 'measures'} round {doing.round}
        </a>
      ),
  },
  {
    head: 'Device',
    order: (a, b) => (memoryOf(a.device) ?? 0) - (memoryOf(b.device) ?? 0),
    when: 'wide',
    cell: ({ device }) => {
      const memory = memoryOf(device)
      return (
        <>
          {deviceText(device)}
          {memory !== null && <div class="small faint">{bytes(memory)}</div>}
        </>
      )
    },
  },
  {
    head: 'Labels',
    when: 'widest',
    cell: ({ labels }) => (
      <span class="row">
        {Object.entries(labels).map(([key, value]) => (
          <span key={key} class="tag">
            {key}={value}
          </span>
        ))}
      </span>
    ),
  },
  {
    head: 'Data',
    isEnd: true,
    when: 'wide',
    order: (a, b) => (a.dataset?.documents ?? 0) - (b.dataset?.documents ?? 0),
    cell: ({ dataset }) => (dataset === null ? '-' : `${count(dataset.documents)} documents`),
  },
  {
    head: 'Version',
    when: 'widest',
    order: (a, b) => ((a.software ?? '') < (b.software ?? '') ? -1 : 1),
    cell: ({ software }) => <span class="soft">{software ?? '-'}</span>,
  },
  {
    head: 'Joined',
    isEnd: true,
    when: 'widest',
    order: (a, b) => (a.joinedAt < b.joinedAt ? -1 : 1),
    cell: ({ joinedAt }) => ago(joinedAt, nowMs),
  },
]
