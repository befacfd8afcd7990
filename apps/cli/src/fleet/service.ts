/**
 * Starts a service of the fleet as a process of its own and ends with it.
 * @module
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs a package's main program with the terminal's streams until it ends; resolves with its exit status. */
export async function runService(
  entry: '@lorica/coordinator/main' | '@lorica/agent/main',
  args: readonly string[],
): Promise<number> {
  const main = fileURLToPath(import.meta.resolve(entry))
  const service = spawn(process.execPath, [main, ...args], { stdio: 'inherit' })
  const forward = (signal: NodeJS.Signals): void => {
    service.kill(signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, forward)
  return await new Promise((resolve, reject) => {
    service.once('error', reject)
    service.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 0)))
  })
}
