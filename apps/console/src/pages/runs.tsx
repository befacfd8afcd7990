import type { AgentView, RunView } from '@lorica/protocol'
import { useAnswer } from '../net/answer.js'
import { iMay } from '../net/me.js'
import { Awaited } from '../parts/awaited.js'
import { Badge } from '../parts/badge.js'
import { Blank } from '../parts/blank.js'
import { CommandLine } from '../parts/command.js'
import { Head } from '../parts/head.js'
import { Meter } from '../parts/meter.js'
import { useNowMs } from '../parts/now.js'
import { type Column, Table } from '../parts/table.js'
import { ago, duration, loss } from '../views/format.js'
import { linkTo } from '../views/route.js'
import { isOver, type RunRow, runRows } from '../views/run-list.js'
import { runTone } from '../views/tone.js'

/** Every run, those that go on first. */
export function RunsPage() {
  const answer = useAnswer<{ readonly runs: readonly RunView[] }>('/runs')
  const nowMs = useNowMs(1000)
  return (
    <>
      <Head
        title="Runs"
        note="A run trains one adapter on many machines, round by round; each round that is better is released."
      >
        {iMay('start-run') && (
          <a class="button first" href="#/runs/new">
            Start a run
          </a>
        )}
      </Head>
      <Awaited answer={answer}>
        {({ runs }) => (
          <Table
            label="Runs"
            columns={columns(nowMs)}
            rows={runRows(runs, nowMs)}
            keyOf={({ run }) => run}
            empty={<NoRuns />}
          />
        )}
      </Awaited>
    </>
  )
}

const columns = (nowMs: number): readonly Column<RunRow>[] => [
  {
    head: 'Run',
    order: (a, b) => (a.run < b.run ? -1 : 1),
    cell: ({ run, base }) => (
      <>
        <a class="lead" href={linkTo('runs', run)}>
          {run}
        </a>
        <div class="small faint">{base}</div>
      </>
    ),
  },
  {
    head: 'State',
    order: (a, b) => (a.state < b.state ? -1 : 1),
    cell: ({ state, reason }) => (
      <>
        <Badge tone={runTone[state]} text={state} isLive={state === 'running'} />
        {reason !== null && state !== 'succeeded' && state !== 'running' && (
          <div class="small faint">{reason}</div>
        )}
      </>
    ),
  },
  {
    head: 'Rounds',
    when: 'wide',
    cell: ({ done, count, state, run }) => (
      <Meter
        label={`Rounds of ${run}`}
        value={done / count}
        kind={state === 'failed' ? 'bad' : isOver(state) ? 'done' : 'going'}
      >
        {done} of {count}
      </Meter>
    ),
  },
  {
    head: 'Loss',
    isEnd: true,
    order: (a, b) => (a.loss ?? Infinity) - (b.loss ?? Infinity),
    cell: (row) => (
      <>
        {loss(row.loss)}
        {row.gain !== null && (
          <div class={`small ${row.gain.startsWith('+') ? 'bad' : 'good'}`}>{row.gain}</div>
        )}
      </>
    ),
  },
  {
    head: 'Release',
    when: 'wide',
    cell: ({ release }) =>
      release === null ? <span class="faint">-</span> : <a href={linkTo('releases', release)}>{release}</a>,
  },
  {
    head: 'Started',
    isEnd: true,
    when: 'widest',
    order: (a, b) => (a.createdAt < b.createdAt ? -1 : 1),
    cell: ({ createdAt }) => <span title={createdAt}>{ago(createdAt, nowMs)}</span>,
  },
  {
    head: 'Took',
    isEnd: true,
    when: 'widest',
    order: (a, b) => a.seconds - b.seconds,
    cell: ({ seconds }) => duration(seconds),
  },
]

function NoRuns() {
  const { data } = useAnswer<{ readonly agents: readonly AgentView[] }>('/agents', 5000)
  const isEmpty = data?.agents.every(({ state }) => state === 'left') ?? false
  if (isEmpty) {
    return (
      <Blank title="First, agents">
        <p>
          A run trains on the machines of the fleet, and none has joined yet. Invite one: it takes a single
          command on the machine that has the data.
        </p>
        <a class="button first" href="#/fleet">
          To the fleet
        </a>
      </Blank>
    )
  }
  return (
    <Blank title="No run yet">
      <p>Say which model to train and for how long. You see who would take part before anything runs.</p>
      {iMay('start-run') ? (
        <a class="button first" href="#/runs/new">
          Start a run
        </a>
      ) : (
        <p>Your token is of a viewer: an operator starts runs.</p>
      )}
      <CommandLine text="lorica run start -f run.yaml" />
    </Blank>
  )
}
