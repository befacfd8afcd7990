/**
 * The demo's child processes: each is ended when the demo ends, however it ends.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const lorica = fileURLToPath(new URL('../../../apps/cli/bin/lorica.js', import.meta.url))
const running = new Set<ChildProcess>()
const GRACE_MS = 3_000

export interface Service {
  /** The JSON lines that the process prints. */
  readonly lines: AsyncIterable<Record<string, unknown>>
  readonly ended: Promise<void>
}

/** Starts `lorica ARGS --json` and leaves it running. Its complaints are kept for the error if it ends by itself. */
export function startLorica(args: readonly string[], env: Readonly<Record<string, string>> = {}): Service {
  const child = spawn(process.execPath, [lorica, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  running.add(child)
  let complaint = ''
  child.stderr.on('data', (part: Buffer) => {
    complaint = (complaint + part.toString()).slice(-2000)
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      running.delete(child)
      if (code === 0 || stopping) resolve()
      else reject(new Error(`lorica ${args.join(' ')} ended with ${code}: ${complaint.trim()}`))
    })
  })
  ended.catch(() => {}) // whoever waits for it hears of it
  return { lines: jsonLines(child), ended }
}

/** Runs `lorica ARGS --json` to its end and returns the document it printed. */
export async function runLorica<T>(args: readonly string[]): Promise<T> {
  const { lines, ended } = startLorica(args)
  let last: unknown
  for await (const line of lines) last = line
  const error = (last as { error?: { message: string } } | undefined)?.error
  await ended.catch((cause: unknown) => {
    throw error === undefined ? cause : new Error(`lorica ${args[0]}: ${error.message}`)
  })
  return last as T
}

/** The first line of a service, or the reason why it ended before it printed one. */
export async function firstLine<T>(service: Service): Promise<T> {
  for await (const line of service.lines) return line as T
  await service.ended
  throw new Error('a service ended before it was ready')
}

async function* jsonLines(child: ChildProcess): AsyncGenerator<Record<string, unknown>> {
  if (child.stdout === null) return
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{')) yield JSON.parse(line) as Record<string, unknown>
  }
}

let stopping = false

/** Ends every process that still runs: politely, then for good. */
export async function stopAll(): Promise<void> {
  stopping = true
  const waiting = [...running].map(
    (child) => new Promise<void>((resolve) => child.once('close', () => resolve())),
  )
  for (const child of running) child.kill('SIGTERM')
  const kill = setTimeout(() => {
    for (const child of running) child.kill('SIGKILL')
  }, GRACE_MS)
  await Promise.all(waiting)
  clearTimeout(kill)
}
