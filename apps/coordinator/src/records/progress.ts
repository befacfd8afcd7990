/** Tells how far something is: `done` of `total` files. */
export type Progress = (done: number, total: number) => void

const EVERY_MS = 100
const LINE_EVERY_MS = 5000

/** Shows progress on stderr: one line that is written over on a terminal, a line now and then elsewhere. */
export function showProgress(what: string, stderr: NodeJS.WriteStream = process.stderr): Progress {
  const isTerminal = stderr.isTTY === true
  let nextMs = performance.now() + (isTerminal ? 0 : LINE_EVERY_MS)
  return (done, total) => {
    const isLast = done === total
    if (isTerminal && (isLast || performance.now() >= nextMs)) {
      stderr.write(`\r${what}: ${done} of ${total} files${isLast ? '\n' : ''}`)
      nextMs = performance.now() + EVERY_MS
    } else if (!isTerminal && performance.now() >= nextMs) {
      stderr.write(`${what}: ${done} of ${total} files\n`)
      nextMs = performance.now() + LINE_EVERY_MS
    }
  }
}
