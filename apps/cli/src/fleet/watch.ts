import type { RunEvent, RunView } from '@lorica/protocol'
import { bytes, count, duration } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import type { Api } from './api.js'
import { sentText } from './sent.js'

interface Lane {
  readonly name: string
  readonly text: string
}

/** Follows a run until it ends, through restarts of the coordinator, and returns how it ended. */
export async function watchRun(api: Api, run: string, output: Output): Promise<RunView> {
  let after = 0
  let isAway = false
  for (;;) {
    const lanes = new Map<string, Lane>()
    try {
      for await (const event of api.stream<RunEvent>(`/api/v1/runs/${run}/events?after=${after}`)) {
        after = Math.max(after, event.seq)
        isAway = false
        if (show(event, lanes, output)) return await api.get<RunView>(`/api/v1/runs/${run}`)
      }
    } catch (error) {
      if (!isPassing(error)) throw error
      if (!isAway)
        output.line('the coordinator does not answer; the run goes on when it is back (Ctrl-C leaves it)')
      isAway = true
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

/** Whether the coordinator only went away for a while: it may come back, and the run with it. */
function isPassing(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return error instanceof TypeError || code === 'LRC-8002'
}

function show(event: RunEvent, lanes: Map<string, Lane>, output: Output): boolean {
  switch (event.type) {
    case 'progress':
      lanes.set(event.agentId, { name: event.name, text: laneText(event) })
      output.progress(
        `round ${event.round}  ${[...lanes.values()].map(({ name, text }) => `${name}: ${text}`).join('   ')}`,
      )
      return false
    case 'baseline-evaluated':
      output.line(
        `before training: loss ${event.loss?.toFixed(4) ?? '-'} on ${count(event.tokens)} held-out tokens`,
      )
      return false
    case 'run-waiting':
      output.line(`waiting: ${event.reason}`)
      return false
    case 'update-refused':
    case 'agent-declined':
      output.line(
        `round ${event.round}: ${event.name} ${event.type === 'update-refused' ? 'refused' : 'declined'}: ${event.code} ${event.message}`,
      )
      return false
    case 'round-planned':
      for (const { name, kind, code, message } of event.over ?? [])
        output.line(`round ${event.round}: ${name} ${kind}: ${code} ${message}`)
      return false
    case 'privacy-charged':
      output.line(
        `round ${event.round}: ${event.sites.length} ${event.unit === 'site' ? 'sites' : 'sites, by example,'} have spent epsilon ${event.epsilon?.toFixed(3) ?? '-'} at most, at delta ${event.delta}`,
      )
      return false
    case 'round-failed':
      output.line(`round ${event.round} failed: ${event.reason}`)
      return false
    case 'round-committed': {
      const { record } = event
      const late = record.contributions.filter((contribution) => contribution.late !== undefined).length
      lanes.clear()
      output.line(
        `round ${record.round}: ${record.release ?? record.verdict}  loss ${record.loss?.toFixed(4) ?? '-'}  ` +
          `${record.contributions.length} updates${late === 0 ? '' : `, ${late} late`}  up ${sentText(record)}  down ${bytes(record.bytesDown)}  ` +
          `${duration(record.seconds)}, ${count(record.overheadSeconds * 1000)} ms beyond training`,
      )
      return false
    }
    case 'run-ended':
      return true
    default:
      return false
  }
}

function laneText(event: Extract<RunEvent, { type: 'progress' }>): string {
  if (event.waiting !== undefined) return `waits: ${event.waiting}`
  if (event.phase !== 'train') return event.phase
  return `step ${event.step}/${event.steps}${event.loss === null ? '' : ` loss ${event.loss.toFixed(3)}`}${event.tokensPerSecond === null ? '' : ` ${count(event.tokensPerSecond)} tok/s`}`
}
