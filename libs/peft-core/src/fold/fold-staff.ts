/**
 * Threads that sum blocks beside this one. They are kept for the next sum, and end with the process.
 * @module
 */
import { Worker } from 'node:worker_threads'

/** The compiled program, also when this file runs from source. */
const PROGRAM = new URL(
  'fold-thread.js',
  import.meta.url.replace(/\/src\/fold\/fold-staff\.ts$/, '/dist/fold/fold-staff.js'),
)

const idle: Worker[] = []
const fallen = new WeakSet<Worker>()

/** So many threads that do nothing else. */
export function hired(count: number): readonly Worker[] {
  const known = idle.splice(0, count)
  return [...known, ...Array.from({ length: Math.max(0, count - known.length) }, started)]
}

/** Takes threads back; those that did not do what they claimed are ended. */
export function released(threads: readonly Worker[], areSound: boolean): void {
  for (const thread of threads) {
    if (areSound && !fallen.has(thread)) idle.push(thread)
    else thread.terminate().catch(() => undefined)
  }
}

function started(): Worker {
  const thread = new Worker(PROGRAM)
  thread.unref()
  thread.on('error', () => fallen.add(thread)) // what it had claimed is summed by the thread that waits for it
  return thread
}
