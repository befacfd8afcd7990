import { withoutSecrets } from '@lorica/protocol'

/** Writes one line for each event of the service. Fields are ids, codes and counts: never tokens, keys or private text. */
export type Log = (event: string, fields?: Fields) => void

type Fields = Readonly<Record<string, string | number | boolean | null>>

/** How lines look: for people, `time event name=value`; for programs, one JSON object with `at`, `level`, `event` and the fields. */
export const logFormats = ['text', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

/** A log on stderr. What looks like a secret is left out of it, whatever field it came in. */
export function stderrLog(format: LogFormat = 'text'): Log {
  return (event, fields = {}) =>
    void process.stderr.write(`${logLine(format, new Date().toISOString(), event, fields)}\n`)
}

/** One line, without its line feed. */
export function logLine(format: LogFormat, at: string, event: string, fields: Fields): string {
  const safe = Object.entries(fields).map(([name, value]) => [name, safeValue(name, value)] as const)
  if (format === 'json')
    return controlFree(JSON.stringify({ at, level: levelOf(event), event, ...Object.fromEntries(safe) }))
  return [at, event, ...safe.map(([name, value]) => `${name}=${quoted(value)}`)].join(' ')
}

const SECRET_NAMES = /token|secret|password|authorization|privatekey/i

function safeValue(name: string, value: Fields[string]): Fields[string] {
  if (value === null || typeof value !== 'string') return value
  return SECRET_NAMES.test(name) ? '[secret]' : withoutSecrets(value)
}

/** How serious an event is: errors need somebody; warnings pass, or are about one agent. */
export function levelOf(event: string): 'info' | 'warn' | 'error' {
  if (ERRORS.has(event)) return 'error'
  return WARNINGS.has(event) ? 'warn' : 'info'
}

const ERRORS: ReadonlySet<string> = new Set(['fault', 'failed', 'lead-lost', 'not-ready', 'run-stopped'])
const WARNINGS: ReadonlySet<string> = new Set([
  ...[
    'agent-dropped',
    'agent-replaced',
    'alarm',
    'connection-broken',
    'connection-refused',
    'invitation-failed',
  ],
  ...['losses-not-asked', 'release-not-taken', 'rollout-refused', 'root-not-taken', 'spans-not-sent'],
  ...['sum-not-told', 'target-not-heard', 'update-refused', 'uploads-wait', 'watcher-dropped'],
])

// Names come from other machines: escaped, they cannot forge a line or move the cursor of a terminal.
function quoted(value: string | number | boolean | null): string {
  const text = String(value)
  return /^[\w.:/+-]*$/.test(text) ? text : controlFree(JSON.stringify(text))
}

const controlFree = (text: string): string => text.replace(/[\u007f-\u009f]/g, '?')
