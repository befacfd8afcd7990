import type { RolloutView } from '@lorica/protocol'
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
import { ago } from '../views/format.js'
import { reached, rolloutTone } from '../views/rollout-state.js'
import { linkTo } from '../views/route.js'

/** Every rollout, the newest first. */
export function RolloutsPage() {
  const answer = useAnswer<{ readonly rollouts: readonly RolloutView[] }>('/rollouts')
  const nowMs = useNowMs()
  return (
    <>
      <Head
        title="Rollouts"
        note="A release reaches the fleet in groups. It is compared with the champion all the while, and goes back by itself when it is worse."
      >
        {iMay('roll-out') && (
          <a class="button first" href="#/rollouts/new">
            Roll a release out
          </a>
        )}
      </Head>
      <Awaited answer={answer}>
        {({ rollouts }) => (
          <Table
            label="Rollouts"
            columns={columns(nowMs)}
            rows={rollouts.toReversed()}
            keyOf={({ rollout }) => rollout}
            empty={
              <Blank title="No rollout yet">
                <p>
                  Give a release the name champion first: that is what agents serve. Then roll a better one
                  out; agents that serve get it group by group.
                </p>
                <a class="button" href="#/releases">
                  To the releases
                </a>
                <CommandLine text="lorica rollout start v2" />
              </Blank>
            }
          />
        )}
      </Awaited>
    </>
  )
}

const columns = (nowMs: number): readonly Column<RolloutView>[] => [
  {
    head: 'Rollout',
    cell: ({ rollout, release, previous }) => (
      <>
        <a class="lead" href={linkTo('rollouts', rollout)}>
          {previous} → {release}
        </a>
        <div class="small faint">{rollout}</div>
      </>
    ),
  },
  {
    head: 'State',
    cell: ({ state, reason, isWatched }) => (
      <>
        <Badge
          tone={rolloutTone[state]}
          text={isWatched ? 'done, watched' : state}
          isLive={state === 'running' || state === 'soaking'}
        />
        {reason !== null && <div class="small soft">{reason}</div>}
      </>
    ),
  },
  {
    head: 'Agents',
    when: 'wide',
    cell: ({ rollout, groups, state }) => {
      const { applied, agents } = reached(groups)
      const kind = state === 'aborted' || state === 'undone' ? 'bad' : state === 'done' ? 'done' : 'going'
      return (
        <Meter label={`Agents of ${rollout}`} value={agents === 0 ? 0 : applied / agents} kind={kind}>
          {applied} of {agents}
        </Meter>
      )
    },
  },
  { head: 'Groups', isEnd: true, when: 'wide', cell: ({ group, groups }) => `${group} of ${groups.length}` },
  {
    head: 'By',
    when: 'widest',
    cell: ({ cause: { by, run } }) =>
      run === null ? <span class="soft">{by}</span> : <a href={linkTo('runs', run)}>{run}</a>,
  },
  { head: 'Started', isEnd: true, when: 'widest', cell: ({ createdAt }) => ago(createdAt, nowMs) },
]
