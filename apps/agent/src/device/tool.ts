import { execFile } from 'node:child_process'

const DEADLINE_MS = 5000

/** What a program of the system prints; nothing when it is not there, fails, or takes longer than five seconds. */
export function printedBy(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, [...args], { timeout: DEADLINE_MS }, (error, stdout) => resolve(error ? '' : stdout))
  })
}
