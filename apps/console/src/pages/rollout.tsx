import type { RolloutDetail, RolloutGroupView, RolloutView } from '@lorica/protocol'
import { useAnswer } from '../net/answer.js'
import { Awaited } from '../parts/awaited.js'
import { Badge } from '../parts/badge.js'
import { Head } from '../parts/head.js'
import { Meter } from '../parts/meter.js'
import { Panel } from '../parts/panel.js'
import { counted, moment } from '../views/format.js'
import { rolloutStep, rolloutTone } from '../views/rollout-state.js'
import { linkTo } from '../views/route.js'
import { RolloutAgents } from './rollout-agents.js'
import { MetricsPanel } from './rollout-metrics.js'
import { RolloutVerbs } from './rollout-verbs.js'

/** One rollout: its groups as they advance, each metric with its band, and its story. */
export function RolloutPage({ id }: { readonly id: string }) {
  const answer = useAnswer<RolloutDetail>(`/rollouts/${encodeURIComponent(id)}`)
  const all = useAnswer<{ readonly rollouts: readonly RolloutView[] }>('/rollouts', 5000)
  return (
    <Awaited answer={answer}>
      {(rollout) => (
        <>
          <Head
            title={`${rollout.previous} → ${rollout.release}`}
            from={{ text: 'Rollouts', href: '#/rollouts' }}
            beside={
              <Badge
                tone={rolloutTone[rollout.state]}
                text={rollout.isWatched ? 'done, watched' : rollout.state}
                isLive={rollout.state === 'running' || rollout.state === 'soaking'}
              />
            }
            note={rolloutStep(rollout)}
          >
            <RolloutVerbs
              rollout={rollout}
              newest={all.data?.rollouts.at(-1)?.rollout}
              refresh={answer.refresh}
            />
          </Head>
          <ol class="groups" aria-label="Groups">
            {rollout.groups.map((group) => (
              <Group key={group.group} group={group} isBack={hasGoneBack(rollout)} />
            ))}
          </ol>
          <MetricsPanel metrics={rollout.metrics} plan={rollout.plan} />
          <div class="halves">
            <History history={rollout.history} />
            <RolloutAgents agents={rollout.agents} release={rollout.release} />
          </div>
          <p class="small faint">
            {rollout.rollout}, started {moment(rollout.createdAt)} by {rollout.cause.by};{' '}
            <a href={linkTo('releases', 'compare', rollout.previous, rollout.release)}>
              what is between {rollout.previous} and {rollout.release}
            </a>
          </p>
        </>
      )}
    </Awaited>
  )
}

const hasGoneBack = ({ state }: RolloutDetail): boolean => state === 'aborted' || state === 'undone'

function Group({
  isBack,
  group: { group, name, agents, state, applied, failed, away },
}: {
  readonly group: RolloutGroupView
  readonly isBack: boolean // it had the release, and has it no longer
}) {
  return (
    <li data-state={failed > 0 ? 'troubled' : isBack ? 'back' : state}>
      <div class="row spread">
        <h2>Group {group}</h2>
        <span class={`small ${state === 'good' && !isBack ? 'good' : 'soft'}`}>
          {isBack && state !== 'waiting' ? 'went back' : state}
        </span>
      </div>
      <Meter
        label={`Agents of group ${group}`}
        value={agents === 0 ? 0 : applied / agents}
        kind={failed > 0 ? 'bad' : state === 'good' && !isBack ? 'done' : 'going'}
      >
        {applied} of {agents}
      </Meter>
      <span class="small soft">
        {name} · {counted(agents, 'agent')}
        {failed > 0 && <span class="bad">, {failed} failed</span>}
        {away > 0 && `, ${away} away`}
      </span>
    </li>
  )
}

function History({ history }: { readonly history: RolloutDetail['history'] }) {
  return (
    <Panel title="Story" note="from the journal, the newest first" isBare>
      <ul class="history">
        {history.toReversed().map(({ seq, at, text, evidence }) => (
          <li key={seq}>
            <time class="small soft" datetime={at}>
              {moment(at)}
            </time>
            <span>{text}</span>
            {evidence !== null && evidence.length > 0 && (
              <details class="evidence">
                <summary class="small">The evidence</summary>
                <ul class="stack tight small soft">
                  {evidence.map((metric) => (
                    <li key={`${metric.metric} ${metric.of}`}>{metric.text}</li>
                  ))}
                </ul>
              </details>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  )
}
