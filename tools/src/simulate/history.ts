import { createHash } from 'node:crypto'

/** What happened in a simulation, in words, one line each. The same seed gives the same lines. */
export interface History {
  note(line: string): void
  lines(): readonly string[]
  /** SHA-256 over all lines. */
  sha256(): string
}

/** An empty history. */
export function createHistory(nowMs: () => number): History {
  const lines: string[] = []
  return {
    note: (line) => void lines.push(`${(nowMs() / 1000).toFixed(3).padStart(10)}  ${line}`),
    lines: () => lines,
    sha256: () => createHash('sha256').update(lines.join('\n')).digest('hex'),
  }
}
