import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** What a process holds. */
export interface Memory {
  readonly rssBytes: number // resident
  readonly heapBytes: number // of JavaScript, in use
  readonly outsideBytes: number // buffers
}

/** One line of the log of a coordinator. */
export interface LogLine {
  readonly event: string
  readonly fields: Readonly<Record<string, string>>
}

/** A coordinator in a process of its own. */
export interface Served extends AsyncDisposable {
  readonly url: string
  readonly adminToken: string
  readonly join: string // link
  isAlive(): boolean
  memory(): Promise<Memory>
  /** Hears every line of its log from now on, until the function that it returns is called. */
  watch(heard: (line: LogLine) => void): () => void
  /** What it logged last, for an error. */
  lastWords(): string
}

/** Starts a coordinator on a folder, as `lorica coordinator` does. `more`: what else it is told. */
export async function serve(folder: string, more: readonly string[] = []): Promise<Served> {
  const main = new URL(import.meta.resolve('@lorica/coordinator/main'))
  const probe = new URL('../../dist/fuzz/memory-probe.js', import.meta.url)
  const child = fork(main, ['--dir', join(folder, 'coordinator'), '--port', '0', '--json', ...more], {
    execArgv: ['--import', probe.href],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const end = () => void child.kill('SIGKILL')
  process.once('exit', end)
  const watchers = new Set<(line: LogLine) => void>()
  let words: readonly string[] = []
  createInterface({ input: child.stderr! }).on('line', (text) => {
    words = [...words.slice(-19), text]
    const line = lineOf(text)
    for (const heard of watchers) heard(line)
  })
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout! }), 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error(`no coordinator: ${words.join('\n')}`))),
  ])) as [string]
  const ready = JSON.parse(line) as Pick<Served, 'url' | 'adminToken' | 'join'>
  const isAlive = () => child.exitCode === null && child.signalCode === null
  let asked = 0
  return {
    ...ready,
    isAlive,
    async memory() {
      child.send(++asked)
      const [{ rssBytes, heapBytes, outsideBytes }] = (await once(child, 'message')) as [Memory]
      return { rssBytes, heapBytes, outsideBytes }
    },
    watch(heard) {
      watchers.add(heard)
      return () => void watchers.delete(heard)
    },
    lastWords: () => words.join('\n'),
    async [Symbol.asyncDispose]() {
      process.off('exit', end)
      if (!isAlive()) return
      const gone = once(child, 'exit')
      end()
      await gone
    },
  }
}

function lineOf(text: string): LogLine {
  const [, event = '', rest = ''] = /^\S+ (\S+) ?(.*)$/.exec(text) ?? []
  const fields = [...rest.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S*)/g)].map(([, name, value]) => [name, value])
  return { event, fields: Object.fromEntries(fields) as Record<string, string> }
}
