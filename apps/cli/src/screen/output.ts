/**
 * What a command prints. With `--json`: exactly one document on stdout; everything for people goes to stderr.
 * @module
 */

export interface Output {
  readonly json: boolean
  /** Whether `frame` draws. */
  readonly draws: boolean
  /** A line for a person: stdout, or stderr when stdout carries JSON. */
  line(text?: string): void
  /** The command's result: the JSON document, or its lines for a person. */
  result(document: unknown, lines: readonly string[]): void
  /** With `--json` one document on a line of its own, of a command that tells what happens; else nothing. */
  event(document: unknown): void
  /** Live progress on one line of a terminal; on anything else a line now and then. */
  progress(text: string): void
  /** How things are, drawn over what was drawn before; on anything but a terminal nothing. */
  frame(lines: readonly string[]): void
  /** Takes live progress, or what was drawn, away. */
  settle(): void
}

const PLAIN_PROGRESS_MS = 5_000

export function createOutput(json: boolean): Output {
  const stream = json ? process.stderr : process.stdout
  let drawn = 0 // lines of live progress on the terminal; the cursor is on the last
  let lastPlainMs = 0
  const settle = (): void => {
    if (drawn > 0) process.stderr.write(`\r${drawn > 1 ? `\u001b[${drawn - 1}A` : ''}\u001b[J`)
    drawn = 0
  }
  const draw = (lines: readonly string[]): void => {
    const columns = process.stderr.columns || 100 // 0 where a terminal does not say
    const rows = process.stderr.rows || 40
    const shown =
      lines.length < rows ? lines : [...lines.slice(0, rows - 2), `… ${lines.length - rows + 2} more`]
    settle()
    process.stderr.write(shown.map((line) => line.slice(0, columns - 1)).join('\n'))
    drawn = shown.length
  }
  return {
    json,
    draws: !json && process.stderr.isTTY === true,
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
        draw([text])
        return
      }
      const nowMs = performance.now()
      if (nowMs - lastPlainMs < PLAIN_PROGRESS_MS) return
      lastPlainMs = nowMs
      process.stderr.write(`${text}\n`)
    },
    event(document) {
      if (json) process.stdout.write(`${JSON.stringify(document)}\n`)
    },
    frame(lines) {
      if (!json && process.stderr.isTTY) draw(lines)
    },
    settle,
  }
}
