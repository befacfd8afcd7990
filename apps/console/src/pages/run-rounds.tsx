import type { RoundSummary } from '@lorica/protocol'
import { Badge } from '../parts/badge.js'
import { Panel } from '../parts/panel.js'
import { type Column, Table } from '../parts/table.js'
import { bytes, duration, evenPercent, loss } from '../views/format.js'
import { linkTo } from '../views/route.js'
import { roundTone } from '../views/tone.js'

/** The rounds of a run in numbers, the newest first. */
export function RoundsPanel({
  run,
  rounds,
}: {
  readonly run: string
  readonly rounds: readonly RoundSummary[]
}) {
  if (rounds.length === 0) return null
  return (
    <Panel title="Rounds" note="Error: how far the aggregate is from the exact mean of the updates" isBare>
      <Table
        label="Rounds"
        columns={columns(run)}
        rows={rounds.toReversed()}
        keyOf={({ round }) => round}
        size={12}
      />
    </Panel>
  )
}

const columns = (run: string): readonly Column<RoundSummary>[] => [
  {
    head: 'Round',
    cell: ({ round }) => (
      <a class="lead" href={linkTo('runs', run, 'rounds', round)}>
        {round}
      </a>
    ),
  },
  {
    head: 'State',
    cell: ({ state, release, attempts, reason }) => (
      <>
        <span class="row">
          {state === 'committed' ? (
            release === null ? (
              <Badge tone="warn" text="not released" />
            ) : (
              <Badge tone="good" text={release} />
            )
          ) : (
            <Badge tone={roundTone[state]} text={state} isLive={state === 'open'} />
          )}
          {attempts > 1 && <span class="small faint">attempt {attempts}</span>}
        </span>
        {reason !== null && (state === 'failed' || release === null) && (
          <div class="small faint">{reason}</div>
        )}
      </>
    ),
  },
  { head: 'Updates', isEnd: true, cell: ({ accepted, seats }) => `${accepted} of ${seats}` },
  { head: 'Loss', isEnd: true, cell: (round) => loss(round.loss) },
  { head: 'Error', isEnd: true, when: 'wide', cell: ({ error }) => evenPercent(error) },
  { head: 'Up', isEnd: true, when: 'widest', cell: ({ bytesUp }) => bytes(bytesUp) },
  { head: 'Down', isEnd: true, when: 'widest', cell: ({ bytesDown }) => bytes(bytesDown) },
  {
    head: 'Took',
    isEnd: true,
    when: 'wide',
    cell: ({ plannedAt, endedAt }) =>
      endedAt === null ? 'open' : duration((Date.parse(endedAt) - Date.parse(plannedAt)) / 1000),
  },
]
