import type { AgentInRound, AttemptView, ReplayView, RoundView } from '@lorica/protocol'
import { useState } from 'preact/hooks'
import { useAnswer } from '../net/answer.js'
import { post } from '../net/api.js'
import { iMay } from '../net/me.js'
import { Awaited } from '../parts/awaited.js'
import { Badge } from '../parts/badge.js'
import { Code } from '../parts/code.js'
import { Figures } from '../parts/figures.js'
import { Head } from '../parts/head.js'
import { act } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'
import { type Column, Table } from '../parts/table.js'
import { expenseOf } from '../views/expense.js'
import { bytes, duration, evenPercent, loss } from '../views/format.js'
import { linkTo } from '../views/route.js'
import { fateTone, roundTone } from '../views/tone.js'
import { GuardsPanel } from './guards.js'
import { AggregationPanels } from './round-aggregation.js'

/** One round: what became of each agent in it, and how the candidate was made. */
export function RoundPage({ id, round }: { readonly id: string; readonly round: number }) {
  const answer = useAnswer<RoundView>(`/runs/${encodeURIComponent(id)}/rounds/${round}`)
  return (
    <Awaited answer={answer}>
      {(view) => (
        <>
          <Head
            title={`Round ${view.round}`}
            from={{ text: view.run, href: linkTo('runs', view.run) }}
            beside={<Badge tone={roundTone[view.state]} text={view.state} isLive={view.state === 'open'} />}
            note={
              view.attempts.at(-1)?.reason ?? 'It ends when every agent has answered, or enough of them have.'
            }
          >
            {view.state === 'committed' && <Replay view={view} />}
          </Head>
          <RoundFigures view={view} />
          <GuardsPanel guards={view.guards} />
          {view.attempts.toReversed().map((attempt) => (
            <Attempt key={attempt.attempt} attempt={attempt} isOnly={view.attempts.length === 1} />
          ))}
          {view.aggregation !== null && <AggregationPanels view={view.aggregation} />}
        </>
      )}
    </Awaited>
  )
}

function RoundFigures({ view }: { readonly view: RoundView }) {
  const agents = view.attempts.flatMap((attempt) => attempt.agents)
  const accepted = agents.filter(({ fate }) => fate === 'accepted').length
  const expense = expenseOf([view])
  const sum = (of: (agent: AgentInRound) => number) => agents.reduce((total, agent) => total + of(agent), 0)
  return (
    <Figures
      figures={[
        { name: 'Updates', value: accepted, note: `needs ${view.attempts.at(-1)?.minimum ?? '-'}` },
        { name: 'Held-out loss', value: loss(view.loss) },
        {
          name: 'Error',
          value: evenPercent(view.aggregation?.error ?? null),
          note: 'from the exact mean',
        },
        {
          name: 'Release',
          value: view.release === null ? '-' : <a href={linkTo('releases', view.release)}>{view.release}</a>,
        },
        ...(expense === null ? [] : [{ name: 'Energy', value: expense.energy, note: expense.note }]),
        {
          name: 'Moved',
          value: bytes(sum(({ bytesUp }) => bytesUp)),
          note: `up, and ${bytes(sum(({ bytesDown }) => bytesDown))} down`,
        },
      ]}
    />
  )
}

function Replay({ view: { run, round } }: { readonly view: RoundView }) {
  const [isAsked, setAsked] = useState(false)
  if (!iMay('conduct-run')) return null
  const replay = async () => {
    setAsked(true)
    let found: ReplayView | undefined
    await act(async () => {
      found = await post<ReplayView>(`/runs/${encodeURIComponent(run)}/rounds/${round}/replay`)
      if (!found.isSame) throw new Error('Computed again from its updates, it is not what was recorded.')
    }, 'Computed again from its updates: the same.')
    setAsked(false)
  }
  return (
    <button type="button" disabled={isAsked} onClick={() => void replay()}>
      {isAsked ? 'Computing…' : 'Compute it again'}
    </button>
  )
}

function Attempt({ attempt, isOnly }: { readonly attempt: AttemptView; readonly isOnly: boolean }) {
  const { agents, plannedAt, endedAt, bystandersNotNamed, sum } = attempt
  const took = endedAt === null ? 'open' : duration((Date.parse(endedAt) - Date.parse(plannedAt)) / 1000)
  const more = bystandersNotNamed > 0 ? `, and ${bystandersNotNamed} more without a seat` : ''
  return (
    <Panel
      title={isOnly ? 'Agents' : `Attempt ${attempt.attempt}: ${attempt.state}`}
      note={`${took}${more}${isOnly || attempt.reason === null ? '' : `; ${attempt.reason}`}`}
      isBare
    >
      {sum !== undefined && (
        <p class="body small soft">
          Summed unseen: {sum.keys} agents with keys, {sum.shares} with shares, {sum.survivors} in the sum,{' '}
          {sum.confirmations} confirmed it.
        </p>
      )}
      <Table label="Agents" columns={columns} rows={agents} keyOf={({ agentId }) => agentId} size={25} />
    </Panel>
  )
}

const columns: readonly Column<AgentInRound>[] = [
  {
    head: 'Agent',
    order: (a, b) => (a.name < b.name ? -1 : 1),
    cell: ({ name, agentId }) => (
      <a class="lead" href={linkTo('fleet', agentId)}>
        {name}
      </a>
    ),
  },
  {
    head: 'Fate',
    order: (a, b) => (a.fate < b.fate ? -1 : 1),
    cell: (agent) => (
      <>
        <Badge tone={fateTone[agent.fate]} text={agent.fate} isLive={agent.fate === 'training'} />
        <Why agent={agent} />
      </>
    ),
  },
  {
    head: 'Loss',
    isEnd: true,
    order: (a, b) => (a.lossLast ?? Infinity) - (b.lossLast ?? Infinity),
    cell: ({ lossFirst, lossLast }) =>
      lossFirst === null ? '-' : `${lossFirst.toFixed(3)} → ${lossLast?.toFixed(3) ?? '-'}`,
  },
  {
    head: 'Trained',
    isEnd: true,
    when: 'wide',
    order: (a, b) => (a.trainSeconds ?? 0) - (b.trainSeconds ?? 0),
    cell: ({ trainSeconds }) => (trainSeconds === null ? '-' : duration(trainSeconds)),
  },
  { head: 'Device', when: 'widest', cell: ({ device }) => device ?? '-' },
  { head: 'Up', isEnd: true, when: 'widest', cell: ({ bytesUp }) => bytes(bytesUp) },
  { head: 'Down', isEnd: true, when: 'widest', cell: ({ bytesDown }) => bytes(bytesDown) },
]

function Why({ agent: { code, message, waiting, late } }: { readonly agent: AgentInRound }) {
  const parts = [
    message ?? '',
    waiting === null ? '' : `waiting: ${waiting}`,
    late ? `since round ${late.round}, ${late.staleness} releases behind` : '',
  ].filter(Boolean)
  if (parts.length === 0 && code === null) return null
  return (
    <div class="small soft">
      {code !== null && <Code code={code} />} {parts.join('; ')}
    </div>
  )
}
