import type { RoundSummary, RunView } from '@lorica/protocol'
import { useAnswer } from '../net/answer.js'
import { post } from '../net/api.js'
import { useHappenings } from '../net/happenings.js'
import { iMay } from '../net/me.js'
import { Awaited } from '../parts/awaited.js'
import { Badge } from '../parts/badge.js'
import { LossChart } from '../parts/chart.js'
import { Figures } from '../parts/figures.js'
import { Head } from '../parts/head.js'
import { act } from '../parts/notice.js'
import { useNowMs } from '../parts/now.js'
import { Panel } from '../parts/panel.js'
import { ask } from '../parts/question.js'
import { expenseOf } from '../views/expense.js'
import { bytes, change, duration, loss } from '../views/format.js'
import { laneStep, noLanes } from '../views/lanes.js'
import { lossCurve } from '../views/loss-curve.js'
import { nextStep } from '../views/next-step.js'
import { reasonsOf } from '../views/reasons.js'
import { linkTo } from '../views/route.js'
import { isOver, newestLoss } from '../views/run-list.js'
import { runTone } from '../views/tone.js'
import { LanesPanel } from './run-lanes.js'
import { ReasonsPanel } from './run-reasons.js'
import { RoundsPanel } from './run-rounds.js'
import { SettingsPanel } from './run-settings.js'

/** One run, as it happens. */
export function RunPage({ id }: { readonly id: string }) {
  const answer = useAnswer<RunView>(`/runs/${encodeURIComponent(id)}`)
  const rounds = useAnswer<{ readonly rounds: readonly RoundSummary[] }>(
    `/runs/${encodeURIComponent(id)}/rounds`,
  )
  const { data: known } = answer
  const lanes = useHappenings(
    known === undefined || isOver(known.state) ? null : known.run,
    noLanes,
    laneStep,
  )
  const summaries = rounds.data?.rounds ?? []
  return (
    <Awaited answer={answer}>
      {(run) => (
        <>
          <Head
            title={run.run}
            from={{ text: 'Runs', href: '#/runs' }}
            beside={<Badge tone={runTone[run.state]} text={run.state} isLive={run.state === 'running'} />}
            note={nextStep(run)}
          >
            <Verbs run={run} refresh={answer.refresh} />
          </Head>
          <RunFigures run={run} rounds={summaries} />
          <div class="halves">
            <LossPanel run={run} />
            <LanesPanel run={run} lanes={lanes} />
          </div>
          <RoundsPanel run={run.run} rounds={summaries} />
          <ReasonsPanel reasons={reasonsOf(summaries)} />
          <SettingsPanel run={run} />
        </>
      )}
    </Awaited>
  )
}

function Verbs({ run: { run, state }, refresh }: { readonly run: RunView; readonly refresh: () => void }) {
  if (isOver(state) || !iMay('conduct-run')) return null
  const to = async (verb: 'pause' | 'resume' | 'cancel', done: string) => {
    await act(() => post(`/runs/${encodeURIComponent(run)}/${verb}`), done)
    refresh()
  }
  const cancel = async () => {
    const isMeant = await ask({
      title: `Cancel ${run}?`,
      text: 'Its open round is abandoned and it cannot be taken up again. What it has released stays.',
      verb: 'Cancel the run',
      isGrave: true,
    })
    if (isMeant) await to('cancel', `${run} is cancelled.`)
  }
  return (
    <>
      {state === 'paused' ? (
        <button type="button" class="first" onClick={() => void to('resume', `${run} goes on.`)}>
          Resume
        </button>
      ) : (
        <button type="button" onClick={() => void to('pause', `${run} opens no new round.`)}>
          Pause
        </button>
      )}
      <button type="button" class="grave" onClick={() => void cancel()}>
        Cancel
      </button>
    </>
  )
}

function RunFigures({ run, rounds }: { readonly run: RunView; readonly rounds: readonly RoundSummary[] }) {
  const nowMs = useNowMs(1000)
  const newest = newestLoss(run)
  const gain = change(run.baseline?.loss, newest)
  const expense = expenseOf(rounds)
  const sum = (of: (round: RoundSummary) => number) => rounds.reduce((total, round) => total + of(round), 0)
  const endMs = run.endedAt === null ? nowMs : Date.parse(run.endedAt)
  return (
    <Figures
      figures={[
        { name: 'Rounds', value: `${run.rounds.length} of ${run.spec.rounds.count}` },
        {
          name: 'Held-out loss',
          value: loss(newest),
          note: gain === null ? undefined : `${gain} from before training`,
        },
        {
          name: 'Release',
          value: run.release === null ? '-' : <a href={linkTo('releases', run.release)}>{run.release}</a>,
          note: run.release === null ? 'none yet' : 'the newest of this run',
        },
        {
          name: 'Updates',
          value: sum(({ accepted }) => accepted),
          note: `of ${sum(({ seats }) => seats)} seats`,
        },
        {
          name: 'Moved',
          value: bytes(sum(({ bytesUp }) => bytesUp)),
          note: `up, and ${bytes(sum(({ bytesDown }) => bytesDown))} down`,
        },
        ...(expense === null ? [] : [{ name: 'Energy', value: expense.energy, note: expense.note }]),
        {
          name: run.endedAt === null ? 'So far' : 'Took',
          value: duration(Math.max(0, (endMs - Date.parse(run.createdAt)) / 1000)),
        },
      ]}
    />
  )
}

function LossPanel({ run }: { readonly run: RunView }) {
  const curve = lossCurve(run)
  return (
    <Panel title="Loss on held-out text" note="lower is better">
      {curve.rounds.length === 0 ? (
        <p class="soft">It is measured before training, and after each round.</p>
      ) : (
        <div class="stack tight">
          <LossChart curve={curve} />
          <ul class="keys">
            <li>
              <span class="mark" /> released
            </li>
            {curve.band !== 'none' && (
              <li>
                <span class="mark band" />
                {curve.band === 'all' ? 'best to worst agent' : '80 % of the agents'}
              </li>
            )}
            {curve.mean.some((value, index) => value !== curve.released[index]) && (
              <li>
                <span class="mark dashes" /> every candidate
              </li>
            )}
            {curve.band === 'none' && <li>single agents keep theirs to themselves, or there is only one</li>}
          </ul>
        </div>
      )}
    </Panel>
  )
}
