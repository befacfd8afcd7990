import { withoutPaths, withoutSecrets } from '@lorica/protocol'
import type { Clock } from './clock.js'
import type { AgentEvent, Tell } from './report.js'

/** How serious an event is, for who looks after the machine. */
export type Level = 'info' | 'warn' | 'error'

/** Errors need somebody; warnings pass, or the agent goes on without. */
export function levelOf({ event }: Pick<AgentEvent, 'event'>): Level {
  switch (event) {
    case 'failed':
    case 'refused':
    case 'target-failed':
    case 'engine-failed':
      return 'error'
    case 'declined':
    case 'abandoned':
    case 'disconnected':
    case 'clock-skew':
    case 'not-served':
      return 'warn'
    default:
      return 'info'
  }
}

/** What writes lines of JSON, and what must not be in them. */
export interface JsonLines {
  readonly write: (text: string) => void
  readonly clock: Clock
  /** The files of the owner, whose names stay out. */
  readonly privatePaths: () => readonly string[]
}

/** Prints events as lines of JSON: `event`, `at`, `level` and what belongs to the event; what looks like a secret, and names of private files, are left out. */
export function jsonReport({ write, clock, privatePaths }: JsonLines): Tell {
  return (told) => {
    const { event, ...fields } = told
    const line = { event, at: new Date(clock.now()).toISOString(), level: levelOf(told), ...fields }
    write(`${JSON.stringify(line, (name, value) => shown(name, value, privatePaths()))}\n`)
  }
}

/** The same for the log of a service: of the many lines that tell how far it is, the first of each phase. */
export function serviceLog(lines: JsonLines): Tell {
  const tell = jsonReport(lines)
  let phase = ''
  return (told) => {
    if (told.event === 'progress') {
      const next = `${told.assignmentId} ${told.phase} ${told.waiting ?? ''}`
      if (next === phase) return
      phase = next
    }
    tell(told)
  }
}

/** Texts are looked through; what this agent itself is called, or where it keeps things, is as it is. */
const FREE_TEXTS = ['message', 'expected', 'received', 'action', 'reason', 'stack', 'waiting']

function shown(name: string, value: unknown, paths: readonly string[]): unknown {
  if (typeof value !== 'string') return value
  return withoutSecrets(FREE_TEXTS.includes(name) ? withoutPaths(value, paths) : value)
}
