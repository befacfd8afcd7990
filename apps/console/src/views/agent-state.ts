import type { AgentView } from '@lorica/protocol'
import type { Tone } from './tone.js'

/** The state of an agent as a badge. */
export function agentState({ state, isCordoned, doing }: AgentView): {
  readonly tone: Tone
  readonly text: string
  readonly isLive: boolean
} {
  if (state === 'left') return { tone: 'still', text: 'left', isLive: false }
  if (state === 'pending') return { tone: 'warn', text: 'pending', isLive: false }
  if (isCordoned) {
    const text = doing === null ? 'cordoned' : 'draining'
    return { tone: 'warn', text, isLive: doing !== null }
  }
  if (state === 'away') return { tone: 'still', text: 'away', isLive: false }
  return {
    tone: doing === null ? 'good' : 'info',
    text: doing === null ? 'connected' : 'working',
    isLive: doing !== null,
  }
}
