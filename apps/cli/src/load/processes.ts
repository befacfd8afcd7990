import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Child, startChild } from './child.js'
import type { Usage } from './usage.js'

/** A coordinator in a process of its own, as `lorica coordinator` starts it, that can be asked what it uses. */
export interface MeasuredCoordinator extends AsyncDisposable {
  readonly url: string
  readonly adminToken: string
  readonly join: string
  /** What it uses; `collect` frees what JavaScript no longer needs first. */
  usage(collect?: boolean): Promise<Usage>
}

const here = (name: string): URL => new URL(name, import.meta.url)

/** Starts a coordinator on a free port and a folder. */
export async function startMeasuredCoordinator(
  folder: string,
  settings: readonly string[] = [],
): Promise<MeasuredCoordinator> {
  const main = new URL(import.meta.resolve('@lorica/coordinator/main'))
  const child = startChild(main, {
    args: ['--dir', join(folder, 'coordinator'), '--port', '0', '--json', ...settings],
    nodeArgs: ['--import', here('./probe.js').href],
  })
  const lines = createInterface({ input: child.process.stdout! })
  const line = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve)
    child.process.once('exit', () => reject(new Error('the coordinator did not start')))
  })
  const ready = JSON.parse(line) as { url: string; adminToken: string; join: string }
  return {
    ...ready,
    usage: (collect = false) => child.ask<Usage>({ collect }),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

/** Starts a process that holds light agents. */
export function startGenerator(): Child {
  return startChild(here('./generator.js'))
}

/** Starts the bare WebSocket server that writes to a folder. */
export function startBareServer(folder: string): Child {
  return startChild(here('./bare-server.js'), { args: [join(folder, 'bare')] })
}
