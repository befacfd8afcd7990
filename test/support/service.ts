import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startChild } from './child.js'

const root = new URL('../../', import.meta.url)

/** The programs of this repository, as they are built. */
export const programs = {
  coordinator: fileURLToPath(new URL('apps/coordinator/bin/lorica-coordinator.js', root)),
  agent: fileURLToPath(new URL('apps/agent/bin/lorica-agent.js', root)),
  lorica: fileURLToPath(new URL('apps/cli/bin/lorica.js', root)),
} as const

export interface Ended {
  readonly status: number | null // null: ended by a signal
  readonly stdout: string
  readonly stderr: string
}

/** A line of JSON that a service prints. */
export type Line = Readonly<Record<string, unknown>>

/** A process that runs until it is told to stop, and everything it has printed. */
export interface Service extends AsyncDisposable {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** The first line of JSON that fits, of those printed already and those to come; Error when the process ends before. */
  until(fits: (line: Line) => boolean): Promise<Line>
  /** Everything printed so far. */
  printed(): string
  /** The lines of JSON among it. */
  readonly lines: readonly Line[]
  /** Sends a signal and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<Ended>
}

export function startService(program: string, args: readonly string[]): Service {
  const child = startChild(process.execPath, [program, ...args])
  const lines: Line[] = []
  const watchers = new Set<() => void>()
  let stdout = ''
  let stderr = ''
  let rest = ''
  child.stdout.on('data', (part: Buffer) => {
    stdout += part.toString()
    const parts = (rest + part.toString()).split('\n')
    rest = parts.pop() ?? ''
    for (const text of parts) if (text.startsWith('{')) lines.push(JSON.parse(text) as Line)
    for (const look of watchers) look()
  })
  child.stderr.on('data', (part: Buffer) => {
    stderr += part.toString()
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve({ status, stdout, stderr }))
  })
  const stop = (signal: NodeJS.Signals): Promise<Ended> => {
    child.kill(signal)
    return ended
  }
  return {
    ...{ child, ended, stop, lines },
    printed: () => `${stdout}${stderr}`,
    until: (fits) =>
      new Promise((resolve, reject) => {
        let seen = 0
        const look = (): void => {
          while (seen < lines.length) {
            const line = lines[seen++] as Line
            if (!fits(line)) continue
            watchers.delete(look)
            resolve(line)
            return
          }
        }
        watchers.add(look)
        look()
        void ended.then(({ status }) =>
          reject(new Error(`${program} ended with ${status}: ${stderr} ${stdout}`)),
        )
      }),
    [Symbol.asyncDispose]: async () => void (await stop('SIGKILL')),
  }
}

/** Runs `lorica ARGS` to its end, whatever its exit status. */
export async function tryLorica(args: readonly string[]): Promise<Ended> {
  await using service = startService(programs.lorica, args)
  return await service.ended
}
