/** Writes one line for each event of the service. Fields are ids, codes and counts: never tokens, keys or private text. */
export type Log = (event: string, fields?: Readonly<Record<string, string | number | boolean | null>>) => void

/** A log on stderr: time, event, then name=value. */
export function stderrLog(): Log {
  return (event, fields = {}) => {
    const parts = Object.entries(fields).map(([name, value]) => `${name}=${quoted(value)}`)
    process.stderr.write(`${[new Date().toISOString(), event, ...parts].join(' ')}\n`)
  }
}

// Names come from other machines: escaped, they cannot forge a line or move the cursor of a terminal.
function quoted(value: string | number | boolean | null): string {
  const text = String(value)
  return /^[\w.:/+-]*$/.test(text) ? text : JSON.stringify(text).replace(/[\u007f-\u009f]/g, '?')
}
