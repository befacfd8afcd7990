/**
 * What a person sees while the demo works: on a terminal a few lines that are redrawn, elsewhere a line now and then.
 * With `--json` all of it goes to stderr.
 * @module
 */

export interface Screen {
  /** A line that stays. */
  line(text?: string): void
  /** The lines that change; each call replaces those of the last. */
  live(lines: readonly string[]): void
}

const PLAIN_EVERY_MS = 5_000

export function createScreen(json: boolean): Screen {
  const stream = json ? process.stderr : process.stdout
  let drawn = 0
  let lastPlainMs = 0
  const erase = (): void => {
    if (drawn > 0) stream.write(`\u001b[${drawn}A\u001b[0J`)
    drawn = 0
  }
  return {
    line(text = '') {
      erase()
      stream.write(`${text}\n`)
    },
    live(lines) {
      if (stream.isTTY) {
        erase()
        const width = (stream.columns ?? 100) - 1
        stream.write(lines.map((text) => `${text.slice(0, width)}\n`).join(''))
        drawn = lines.length
        return
      }
      const nowMs = performance.now()
      if (nowMs - lastPlainMs < PLAIN_EVERY_MS) return
      lastPlainMs = nowMs
      stream.write(`${lines.join(' | ')}\n`)
    },
  }
}

export function bar(share: number, width = 24): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}`
}

export function seconds(value: number): string {
  return value < 60 ? `${Math.round(value)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`
}

export function kilobytes(sizeBytes: number): string {
  return sizeBytes < 1e6 ? `${Math.round(sizeBytes / 1e3)} kB` : `${(sizeBytes / 1e6).toFixed(1)} MB`
}
