/**
 * What a command prints. With `--json`: exactly one document on stdout; everything for people goes to stderr.
 * @module
 */

export interface Output {
  readonly json: boolean
  /** A line for a person: stdout, or stderr when stdout carries JSON. */
  line(text?: string): void
  /** The command's result: the JSON document, or its lines for a person. */
  result(document: unknown, lines: readonly string[]): void
  /** Live progress on one line of a terminal; on anything else a line now and then. */
  progress(text: string): void
  /** Takes the line of live progress away. */
  settle(): void
}

const PLAIN_PROGRESS_MS = 5_000

export function createOutput(json: boolean): Output {
  const stream = json ? process.stderr : process.stdout
  let live = false
  let lastPlainMs = 0
  const settle = (): void => {
    if (live) process.stderr.write('\r\u001b[2K')
    live = false
  }
  return {
    json,
    line(text = '') {
      settle()
      stream.write(`${text}\n`)
    },
    result(document, lines) {
      settle()
      if (json) process.stdout.write(`${JSON.stringify(document)}\n`)
      else for (const line of lines) process.stdout.write(`${line}\n`)
    },
    progress(text) {
      if (process.stderr.isTTY) {
        const width = process.stderr.columns ?? 100
        process.stderr.write(`\r\u001b[2K${text.slice(0, width - 1)}`)
        live = true
        return
      }
      const nowMs = performance.now()
      if (nowMs - lastPlainMs < PLAIN_PROGRESS_MS) return
      lastPlainMs = nowMs
      process.stderr.write(`${text}\n`)
    },
    settle,
  }
}
