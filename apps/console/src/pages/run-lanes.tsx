import type { RunView } from '@lorica/protocol'
import { Badge } from '../parts/badge.js'
import { Code } from '../parts/code.js'
import { Meter } from '../parts/meter.js'
import { Panel } from '../parts/panel.js'
import { Table } from '../parts/table.js'
import { bytes, count } from '../views/format.js'
import { fractionOf, type Lane, type Lanes, laneRows } from '../views/lanes.js'
import { linkTo } from '../views/route.js'
import { isOver } from '../views/run-list.js'
import type { Tone } from '../views/tone.js'
import { LastRound } from './run-last-round.js'

const stages = ['train', 'aggregate', 'evaluate', 'done'] as const
const stageNames = { train: 'Train', aggregate: 'Sum', evaluate: 'Measure', done: 'Release' } as const

/** The round that is open: how far it is, and each agent in it. */
export function LanesPanel({ run, lanes }: { readonly run: RunView; readonly lanes: Lanes }) {
  if (isOver(run.state)) return <LastRound run={run} />
  const rows = laneRows(lanes)
  const isIn = rows.filter(({ phase }) => phase === 'accepted').length
  const title = lanes.round === 0 ? 'Before the first round' : `Round ${lanes.round}`
  const note = rows.length === 0 ? undefined : `${isIn} of ${rows.length} updates are in`
  return (
    <Panel title={lanes.attempt > 1 ? `${title}, attempt ${lanes.attempt}` : title} note={note} isBare>
      <div class="body stack">
        <Stages lanes={lanes} allIn={rows.length > 0 && isIn === rows.length} />
        {lanes.note !== null && <p class="small warn">{lanes.note}</p>}
        {rows.length === 0 && <p class="soft">No agent has a seat yet.</p>}
      </div>
      {rows.length > 0 && (
        <Table
          label="Agents in this round"
          rows={rows}
          size={12}
          keyOf={({ name }) => name}
          columns={[
            {
              head: 'Agent',
              cell: ({ name, note: why }) => (
                <>
                  <a class="lead" href={linkTo('fleet', name)}>
                    {name}
                  </a>
                  {why !== null && <Why text={why} />}
                </>
              ),
            },
            { head: 'Progress', cell: (lane) => <Progress lane={lane} /> },
            {
              head: 'Loss',
              isEnd: true,
              cell: (lane) => lane.loss?.toFixed(3) ?? '-',
            },
          ]}
        />
      )}
    </Panel>
  )
}

function Why({ text }: { readonly text: string }) {
  const code = /^LRC-\d{4}/.exec(text)?.[0]
  return (
    <div class="small warn">
      {code !== undefined && <Code code={code} />} {text.slice(code?.length ?? 0)}
    </div>
  )
}

function Stages({ lanes: { stage }, allIn }: { readonly lanes: Lanes; readonly allIn: boolean }) {
  const at = stage === 'train' && allIn ? 1 : stages.indexOf(stage as (typeof stages)[number])
  const classOf = (index: number) => {
    if (stage === 'failed') return index === 0 ? 'failed' : undefined
    if (at < 0) return undefined
    return index < at || stage === 'done' ? 'done' : index === at ? 'now' : undefined
  }
  return (
    <ol class="steps" aria-label="Stages of the round">
      {stages.map((name, index) => (
        <li key={name} class={classOf(index)} aria-current={classOf(index) === 'now' ? 'step' : undefined}>
          {stageNames[name]}
        </li>
      ))}
    </ol>
  )
}

const ends: Readonly<Partial<Record<Lane['phase'], readonly [Tone, string]>>> = {
  accepted: ['good', 'in'],
  refused: ['bad', 'refused'],
  declined: ['warn', 'declined'],
}

function Progress({ lane }: { readonly lane: Lane }) {
  const { name, phase, step, steps, tokensPerSecond, sizeBytes } = lane
  const end = ends[phase]
  if (end !== undefined) {
    return (
      <span class="row">
        <Badge tone={end[0]} text={end[1]} />
        {sizeBytes !== null && <span class="small faint">{bytes(sizeBytes)}</span>}
      </span>
    )
  }
  const isBytes = phase === 'upload' || phase === 'download'
  const text =
    steps === 0 ? phase : isBytes ? `${phase} ${bytes(step)}` : `${phase} ${count(step)}/${count(steps)}`
  const pace = phase === 'train' && tokensPerSecond ? `${count(tokensPerSecond)} tok/s` : undefined
  return (
    <div title={pace}>
      <Meter label={`${name}: ${phase}`} value={fractionOf(lane)}>
        {text}
      </Meter>
    </div>
  )
}
