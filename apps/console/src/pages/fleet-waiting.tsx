import type { AgentView } from '@lorica/protocol'
import { useState } from 'preact/hooks'
import { post } from '../net/api.js'
import { iMay } from '../net/me.js'
import { act } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'
import { ask } from '../parts/question.js'
import { deviceText } from '../views/fleet-rows.js'
import { counted, inGroups } from '../views/format.js'

const FEW = 5 // shown at first

interface WaitingProps {
  readonly agents: readonly AgentView[]
  readonly refresh: () => void
}

/** Agents that wait to be let in, and new keys of those that are in. */
export function WaitingPanel({ agents, refresh }: WaitingProps) {
  const [isWhole, setWhole] = useState(false)
  const shown = isWhole ? agents : agents.slice(0, FEW)
  return (
    <Panel
      title={`${counted(agents.length, 'agent')} ${agents.length === 1 ? 'waits' : 'wait'} for approval`}
      note="Compare each fingerprint with the one that the agent shows on its own machine"
      isBare
    >
      {shown.map((agent) => (
        <Waiting key={agent.agentId} agent={agent} refresh={refresh} />
      ))}
      {shown.length < agents.length && (
        <p class="foot">
          <button type="button" class="plain link" onClick={() => setWhole(true)}>
            Show the other {agents.length - shown.length}
          </button>
        </p>
      )}
    </Panel>
  )
}

function Waiting({ agent, refresh }: { readonly agent: AgentView; readonly refresh: () => void }) {
  const { agentId, name, labels, pendingKeyId, device } = agent
  const to = async (verb: 'approve' | 'reject', done: string) => {
    await act(() => post(`/agents/${agentId}/${verb}`), done)
    refresh()
  }
  const reject = async () => {
    const isMeant = await ask({
      title: `Turn ${name} away?`,
      text: 'It is never let in with this key. It may join again with another link and a new key.',
      verb: 'Turn it away',
      isGrave: true,
    })
    if (isMeant) await to('reject', `${name} was turned away.`)
  }
  const known = [deviceText(device), ...Object.entries(labels).map(([key, value]) => `${key}=${value}`)]
  return (
    <div class="waiting">
      <div class="stack tight">
        <div class="row">
          <strong>{name}</strong>
          <span class="small soft">
            {pendingKeyId === null ? known.filter((text) => text !== '-').join(', ') : 'offers a new key'}
          </span>
        </div>
        <div class="fingerprint">{inGroups(pendingKeyId ?? agentId)}</div>
      </div>
      {iMay('admit-agent') ? (
        <div class="row">
          <button type="button" class="first" onClick={() => void to('approve', `${name} was approved.`)}>
            Approve
          </button>
          {pendingKeyId === null && (
            <button type="button" class="grave" onClick={() => void reject()}>
              Reject
            </button>
          )}
        </div>
      ) : (
        <span class="small soft">An admin decides.</span>
      )}
    </div>
  )
}
