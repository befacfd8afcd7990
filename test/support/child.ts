import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

/** A process whose output is read. */
export type Child = ChildProcess & { readonly stdout: Readable; readonly stderr: Readable }

const running = new Set<ChildProcess>()

/** Ends what still runs. A test that runs out of time never reaches the end of its scope. */
export function endChildren(): void {
  for (const child of running) child.kill('SIGKILL')
}

for (const end of ['exit', 'disconnect', 'SIGTERM'] as const) process.once(end, endChildren)

/** Starts a process that does not outlive the tests. */
export function startChild(program: string, args: readonly string[]): Child {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}
