import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** Runs an installed program with this terminal's streams; resolves with its exit status, 1 when a signal ended it. */
export function runProgram(root: string, name: string, args: readonly string[]): Promise<number> {
  const env = process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: '1' }
  const child = spawn(process.execPath, [join(root, 'node_modules', ...name.split('/')), ...args], {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}
