import type { AgentView } from '@lorica/protocol'
import { post } from '../net/api.js'
import { iMay } from '../net/me.js'
import { act } from '../parts/notice.js'
import { ask } from '../parts/question.js'

interface AgentProps {
  readonly agent: AgentView
  readonly refresh: () => void
}

/** Takes an agent out of new rounds, back in, or out of the fleet. */
export function AgentVerbs({ agent: { agentId, name, state, isCordoned, doing }, refresh }: AgentProps) {
  if (state === 'left' || state === 'pending') return null
  const to = async (verb: 'cordon' | 'uncordon' | 'revoke', done: string) => {
    await act(() => post(`/agents/${agentId}/${verb}`), done)
    refresh()
  }
  const revoke = async () => {
    const isMeant = await ask({
      title: `Take ${name} out of the fleet?`,
      text: 'It is disconnected at once and never let in again with its key. What it brought to open rounds does not count.',
      verb: 'Take it out',
      isGrave: true,
    })
    if (isMeant) await to('revoke', `${name} is out of the fleet.`)
  }
  return (
    <>
      {iMay('cordon') &&
        (isCordoned ? (
          <button
            type="button"
            class="first"
            onClick={() => void to('uncordon', `${name} takes part again.`)}
          >
            Take it back
          </button>
        ) : (
          <button
            type="button"
            onClick={() => void to('cordon', `${name} takes part in no new round.`)}
            title="It finishes what it does, and takes part in no new round"
          >
            {doing === null ? 'Cordon' : 'Drain'}
          </button>
        ))}
      {iMay('admit-agent') && (
        <button type="button" class="grave" onClick={() => void revoke()}>
          Revoke
        </button>
      )}
    </>
  )
}
