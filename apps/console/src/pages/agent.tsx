import type { AgentView } from '@lorica/protocol'
import { useAnswer } from '../net/answer.js'
import { Awaited } from '../parts/awaited.js'
import { Badge } from '../parts/badge.js'
import { Facts } from '../parts/figures.js'
import { Head } from '../parts/head.js'
import { Panel } from '../parts/panel.js'
import { agentState } from '../views/agent-state.js'
import { deviceText, memoryOf } from '../views/fleet-rows.js'
import { bytes, count, inGroups, moment } from '../views/format.js'
import { linkTo } from '../views/route.js'
import { AgentLabels } from './agent-labels.js'
import { AgentVerbs } from './agent-verbs.js'
import { WaitingPanel } from './fleet-waiting.js'

/** One agent: what is known of it, and what can be decided about it. */
export function AgentPage({ id }: { readonly id: string }) {
  const answer = useAnswer<AgentView>(`/agents/${encodeURIComponent(id)}`)
  return (
    <Awaited answer={answer}>
      {(agent) => (
        <>
          <Head
            title={agent.name}
            from={{ text: 'Fleet', href: '#/fleet' }}
            beside={<Badge {...agentState(agent)} />}
            note={nextStep(agent)}
          >
            <AgentVerbs agent={agent} refresh={answer.refresh} />
          </Head>
          {agent.alarm !== null && (
            <div class="banner bad" role="alert">
              <strong>{agent.alarm.kind}</strong> {agent.alarm.detail}, last {moment(agent.alarm.at)}
              {agent.alarm.count > 1 && `, ${agent.alarm.count} times`}
            </div>
          )}
          {(agent.state === 'pending' || agent.pendingKeyId !== null) && (
            <WaitingPanel agents={[agent]} refresh={answer.refresh} />
          )}
          <div class="evens">
            <Panel title="What it is">
              <Facts facts={factsOf(agent)} />
            </Panel>
            <AgentLabels agent={agent} refresh={answer.refresh} />
          </div>
        </>
      )}
    </Awaited>
  )
}

function factsOf({ agentId, device, dataset, software, joinedAt, doing }: AgentView) {
  const memory = memoryOf(device)
  return [
    { name: 'Fingerprint', text: <span class="fingerprint">{inGroups(agentId)}</span> },
    { name: 'Device', text: deviceText(device) },
    { name: 'Memory', text: memory === null ? '-' : bytes(memory) },
    {
      name: 'Data',
      text:
        dataset === null
          ? '-'
          : `${count(dataset.documents)} documents${dataset.tokens === undefined ? '' : `, ${count(dataset.tokens)} tokens`}`,
    },
    { name: 'Version', text: software ?? '-' },
    { name: 'Joined', text: moment(joinedAt) },
    {
      name: 'Does',
      text:
        doing === null ? (
          'nothing'
        ) : (
          <a href={linkTo('runs', doing.runId)}>
            {doing.kind === 'train' ? 'trains' : 'measures'} round {doing.round} of {doing.runId}
          </a>
        ),
    },
  ]
}

function nextStep({ state, isCordoned, doing, dataset }: AgentView): string {
  if (state === 'left') return 'It is no longer in the fleet. It may join again with a new link.'
  if (state === 'pending') return 'It waits to be let in.'
  if (isCordoned)
    return doing === null
      ? 'It takes part in no new round and has nothing to do: its machine can be turned off.'
      : 'It finishes what it does, and takes part in no new round.'
  if (state === 'away') return 'It is not connected. It comes back by itself, and goes on where it was.'
  if (dataset?.documents === 0) return 'It has no data: give it some with --data, and start it again.'
  return doing === null ? 'It is ready for a round.' : 'It is at work.'
}
