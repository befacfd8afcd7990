/** Writes one line for each event of the service. Fields are ids, codes and counts: never tokens, keys or private text. */
export type Log = (event: string, fields?: Fields) => void

type Fields = Readonly<Record<string, string | number | boolean | null>>

/** How lines look: for people, `time event name=value`; for programs, one JSON object with `at`, `event` and the fields. */
export const logFormats = ['text', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

/** A log on stderr. What looks like a secret is left out of it, whatever field it came in. */
export function stderrLog(format: LogFormat = 'text'): Log {
  return (event, fields = {}) =>
    void process.stderr.write(`${logLine(format, new Date().toISOString(), event, fields)}\n`)
}

/** One line, without its line feed. */
export function logLine(format: LogFormat, at: string, event: string, fields: Fields): string {
  const safe = Object.entries(fields).map(([name, value]) => [name, withoutSecrets(name, value)] as const)
  if (format === 'json') return controlFree(JSON.stringify({ at, event, ...Object.fromEntries(safe) }))
  return [at, event, ...safe.map(([name, value]) => `${name}=${quoted(value)}`)].join(' ')
}

const SECRET_NAMES = /token|secret|password|authorization|privatekey/i
// A join link, a bearer, a token of 32 random bytes and the password of a URL; hashes and ids are hexadecimal, and stay.
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/#[A-Za-z0-9_-]{16,}(\.[A-Za-z0-9_-]{43}(\.\d+\.[A-Za-z0-9_-]{43})?)?/g, '#[secret]'],
  [/\bBearer\s+\S+/gi, 'Bearer [secret]'],
  [/(?<![A-Za-z0-9_/-])(?![0-9a-f]{43}(?![A-Za-z0-9_-]))[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g, '[secret]'],
  [/(\/\/[^\s:/@]+):[^\s@/]+@/g, '$1:[secret]@'],
]

function withoutSecrets(name: string, value: Fields[string]): Fields[string] {
  if (value === null || typeof value !== 'string') return value
  if (SECRET_NAMES.test(name)) return '[secret]'
  return SECRETS.reduce((text, [pattern, instead]) => text.replace(pattern, instead), value)
}

// Names come from other machines: escaped, they cannot forge a line or move the cursor of a terminal.
function quoted(value: string | number | boolean | null): string {
  const text = String(value)
  return /^[\w.:/+-]*$/.test(text) ? text : controlFree(JSON.stringify(text))
}

const controlFree = (text: string): string => text.replace(/[\u007f-\u009f]/g, '?')
