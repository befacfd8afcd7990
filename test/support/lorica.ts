import { fileURLToPath } from 'node:url'
import { startChild } from './child.js'

const lorica = fileURLToPath(new URL('../../apps/cli/bin/lorica.js', import.meta.url))

/** Runs `lorica ARGS --json` to its end and returns the one document it prints; Error with its complaint when it fails. */
export async function runLorica<T>(args: readonly string[]): Promise<T> {
  return JSON.parse(await outputOf(process.execPath, [lorica, ...args, '--json'])) as T
}

/** What a program prints on stdout; Error with what it printed on stderr when its exit status is not 0. */
export function outputOf(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = startChild(program, args)
    let output = ''
    let complaint = ''
    child.stdout.on('data', (part: Buffer) => {
      output += part.toString()
    })
    child.stderr.on('data', (part: Buffer) => {
      complaint += part.toString()
    })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(output)
      else
        reject(
          new Error(`${program} ${args.join(' ')} ended with ${code}: ${complaint.trim()} ${output.trim()}`),
        )
    })
  })
}
