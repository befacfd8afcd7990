import type { Assignment, LoricaError, Progress, Receipt } from '@lorica/protocol'
import { bytes, count } from './figures.js'

/** Everything an agent tells about itself while it runs. With --json each is one line, with `at` and `level` added. */
export type AgentEvent =
  | {
      readonly event: 'joined'
      readonly agentId: string
      readonly coordinatorId: string
      readonly name: string
    }
  | { readonly event: 'connected'; readonly url: string }
  | { readonly event: 'clock-skew'; readonly skewMs: number }
  | {
      readonly event: 'rotated'
      readonly agentId: string
      readonly keyId: string
      readonly isApproved: boolean
    }
  | { readonly event: 'disconnected'; readonly reason: string }
  | {
      readonly event: 'assignment'
      readonly assignmentId: string
      readonly kind: Assignment['kind']
      readonly runId: string
      readonly round: number
    }
  | ({ readonly event: 'progress' } & Progress)
  | {
      readonly event: 'uploaded'
      readonly assignmentId: string
      readonly sha256: string
      readonly sizeBytes: number
      readonly tokens: number
    }
  | ({ readonly event: 'receipt'; readonly assignmentId: string } & Receipt)
  | {
      readonly event: 'evaluated'
      readonly assignmentId: string
      readonly round: number
      readonly loss: number
      readonly tokens: number
    }
  | {
      readonly event: 'release-verified'
      readonly name: string
      readonly version: number
      readonly folder: string
      readonly personal?: string // the folder of the same with the own parts of this agent
    }
  | {
      readonly event: 'root-trusted'
      readonly version: number
      readonly expires: string
      readonly by: 'link' | 'coordinator' // who named the first root
    }
  | ({ readonly event: 'refused'; readonly assignmentId?: string } & Reason)
  | ({ readonly event: 'declined'; readonly assignmentId: string } & Reason)
  | ({ readonly event: 'abandoned'; readonly assignmentId: string } & Reason)
  | ({ readonly event: 'engine-failed' } & Reason)
  | {
      readonly event: 'masked'
      readonly assignmentId: string
      readonly sizeBytes: number
      readonly maskMs: number // from the update to what left
    }
  | {
      readonly event: 'summed'
      readonly assignmentId: string
      readonly round: number
      readonly agents: number // whose updates the sum is of
    }
  | { readonly event: 'awaits-release' }
  | ({ readonly event: 'not-served' } & Reason)
  | { readonly event: 'serving'; readonly url: string; readonly release: string }
  | { readonly event: 'release-served'; readonly name: string; readonly version: number }
  | {
      readonly event: 'target-applied'
      readonly serial: number
      readonly name: string
      readonly isServed: boolean
      readonly downloadedBytes: number
    }
  | ({ readonly event: 'target-failed'; readonly serial: number; readonly name: string } & Reason)
  | { readonly event: 'run-ended'; readonly runId: string; readonly state: string }
  | ({ readonly event: 'failed'; readonly stack?: string } & Reason)
  | { readonly event: 'stopped' }
  | { readonly event: 'left' }

/** An error as part of an event. */
export interface Reason {
  readonly code: string
  readonly message: string
  readonly expected?: string
  readonly received?: string
  readonly action: string
}

export type Tell = (event: AgentEvent) => void

export function reasonOf({ code, message, expected, received, action }: LoricaError): Reason {
  return {
    code,
    message,
    ...(expected === undefined ? {} : { expected }),
    ...(received === undefined ? {} : { received }),
    action,
  }
}

/** Where lines go; `isTerminal` allows a line to be written over. */
export interface Screen {
  readonly write: (text: string) => void
  readonly isTerminal: boolean
}

/** Prints events for a person: a line for what matters, and one line that moves while there is work. */
export function plainReport({ write, isTerminal }: Screen): Tell {
  let isMoving = false
  let isTransfer = false
  let phase = ''
  let target = ''
  return (event) => {
    const line = sentence(event)
    if (event.event === 'target-applied') {
      if (line === target) return // told again after a new connection
      target = line
    }
    if (event.event === 'progress') {
      const isNews = phase !== `${event.assignmentId} ${event.phase}` || event.step >= event.steps
      phase = `${event.assignmentId} ${event.phase}`
      if (isTerminal) write(`\r\u001b[2K${line}`)
      else if (isNews) write(`${line}\n`)
      isMoving = isTerminal
      isTransfer = event.phase === 'download' || event.phase === 'upload'
      return
    }
    const before = !isMoving ? '' : isTransfer ? '\r\u001b[2K' : '\n' // what it stopped at says nothing of a transfer
    write(`${before}${line}\n`)
    isMoving = false
  }
}

function sentence(event: AgentEvent): string {
  switch (event.event) {
    case 'joined':
      return `Joined as ${event.name} (agent ${event.agentId}).`
    case 'connected':
      return `Connected to ${event.url}. Waiting for work; stop with Ctrl-C.`
    case 'clock-skew':
      return `The clock of this machine is ${Math.round(Math.abs(event.skewMs) / 1000)} s ${event.skewMs > 0 ? 'ahead of' : 'behind'} the coordinator's.`
    case 'rotated':
      return `The next key is ${event.keyId}. ${event.isApproved ? 'It is used from the next connection on.' : 'An operator has yet to approve it; the key before it is used until then.'}`
    case 'disconnected':
      return `Not connected (${event.reason}); trying again.`
    case 'assignment':
      return `Round ${event.round}: ${event.kind === 'train' ? 'training on the text of this machine' : 'measuring on held-out text'}.`
    case 'progress':
      return progressLine(event)
    case 'uploaded':
      return `  sent ${bytes(event.sizeBytes)} of adapter changes (sha256 ${event.sha256.slice(0, 12)}).`
    case 'receipt':
      return `Round ${event.round}: accepted.`
    case 'evaluated':
      return `Round ${event.round}: loss ${event.loss.toFixed(4)} over ${count(event.tokens)} held-out tokens.`
    case 'release-verified':
      return `Release ${event.name} is verified and in ${event.folder}${event.personal === undefined ? '' : `; with this agent's own parts in ${event.personal}`}.`
    case 'root-trusted':
      return `Root ${event.version} of the fleet says who may sign, until ${event.expires.slice(0, 10)}${event.by === 'link' ? '; it is the one of the join link, or follows from it' : '. The join link names no root: the coordinator was believed'}.`
    case 'refused':
      return `The coordinator refused: ${explained(event)}`
    case 'declined':
      return `Declined: ${explained(event)}`
    case 'abandoned':
      return `Given up: ${event.message}.`
    case 'engine-failed':
      return `The training process failed and is started again: ${event.message}`
    case 'masked':
      return `  masked ${bytes(event.sizeBytes)} of adapter changes in ${Math.round(event.maskMs)} ms.`
    case 'summed':
      return `Round ${event.round}: in a sum of ${event.agents} agents, unseen.`
    case 'awaits-release':
      return 'No release has come yet; waiting for the first.'
    case 'serving':
      return [
        `Serving release ${event.release} as "champion" on ${event.url}/v1, for any client of OpenAI's API.`,
        `  curl ${event.url}/v1/completions -H 'content-type: application/json' -d '{"model": "champion", "prompt": "The", "max_tokens": 20}'`,
      ].join('\n')
    case 'release-served':
      return `Serving release ${event.name} from now on.`
    case 'not-served':
      return `What was served stays: ${explained(event)}`
    case 'target-applied':
      return `Release ${event.name} is what this machine is to have (target ${event.serial}); ${event.isServed ? 'it is served' : 'nothing serves it here (lorica agent serve)'}.`
    case 'target-failed':
      return `Target ${event.serial} was not followed; what was here stays: ${explained(event)}`
    case 'run-ended':
      return `The run ${event.state}.`
    case 'failed':
      return `error ${explained(event)}`
    case 'stopped':
      return 'Stopped.'
    case 'left':
      return 'Left the fleet. The key and the releases stay in the folder.'
  }
}

function progressLine({ phase, step, steps, loss, tokensPerSecond, waiting }: Progress): string {
  if (waiting !== undefined) return `  waiting at step ${step} of ${steps}: ${waiting}`
  if (phase === 'download') return `  downloading ${bytes(step)} of ${bytes(steps)}`
  if (phase === 'upload') return `  sending ${bytes(step)} of ${bytes(steps)}`
  const rate = tokensPerSecond === null ? '' : `   ${count(tokensPerSecond)} tokens/s`
  return `  step ${step} of ${steps}${loss === null ? '' : `   loss ${loss.toFixed(4)}`}${rate}`
}

/** An error for a terminal: what happened, what was expected, what came, what to do. */
export function explained({ code, message, expected, received, action }: Reason): string {
  const detail =
    expected === undefined ? '' : `\n  expected: ${expected}\n  received: ${received ?? 'nothing'}`
  return `${code}: ${message}${detail}\n  to do:    ${action}\n  more:     lorica explain ${code}`
}
