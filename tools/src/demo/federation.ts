/**
 * The federation itself: a coordinator and its agents, each a process of its own, and one run.
 * @module
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { RunEvent, RunView } from '@lorica/protocol'
import { firstLine, runLorica, type Service, startLorica } from './processes.js'
import type { Recipe } from './recipe.js'

export interface Federation {
  readonly url: string
  readonly adminToken: string
  readonly join: string
}

/** Starts the coordinator and one agent per data file, and waits until all are connected. */
export async function startFederation(folder: string, files: readonly string[]): Promise<Federation> {
  const coordinator = startLorica(['coordinator', '--dir', join(folder, 'coordinator'), '--port', '0'])
  const federation = await firstLine<Federation>(coordinator)
  drain(coordinator)
  await Promise.all(
    files.map(async (file, index) => {
      const name = `site-${index + 1}`
      const dir = join(folder, `agent-${index + 1}`)
      const agent = startLorica([
        'agent',
        'join',
        federation.join,
        '--dir',
        dir,
        '--name',
        name,
        '--data',
        file,
        '--threads',
        '1',
      ])
      await untilConnected(agent)
    }),
  )
  return federation
}

async function untilConnected(agent: Service): Promise<void> {
  const lines = agent.lines[Symbol.asyncIterator]()
  for (;;) {
    const { value, done } = await lines.next()
    if (done === true) {
      await agent.ended
      throw new Error('an agent ended before it was connected')
    }
    if (value.event === 'connected' || value.type === 'connected') break
  }
  void (async () => {
    while ((await lines.next()).done !== true);
  })()
}

function drain({ lines }: Service): void {
  void (async () => {
    for await (const _ of lines);
  })()
}

/** The run file of the demo, kept beside its results so that it can be read and run again. */
export async function writeRunFile(folder: string, model: string, recipe: Recipe): Promise<string> {
  const file = join(folder, 'run.yaml')
  await writeFile(file, runFile(model, recipe))
  return file
}

function runFile(model: string, recipe: Recipe): string {
  const { agents, rounds, steps, batch, maxTokens, learningRate, rank, alpha, seed, holdout } = recipe
  return `name: demo
base: { model: ${JSON.stringify(model)} }
peft: { method: lora, rank: ${rank}, alpha: ${alpha}, targets: all-linear }
data: { format: text, maxTokens: ${maxTokens} }
local: { steps: ${steps}, batch: ${batch}, learningRate: ${learningRate}, schedule: cosine, warmupSteps: ${steps}, optimizerState: keep }
rounds: { count: ${rounds}, minimum: ${agents} }
evaluate: { holdout: ${holdout * 100}%, tokens: 256 }
seed: ${seed}
`
}

/** Starts a run from its file and returns its id. */
export async function startRun({ url, adminToken }: Federation, file: string): Promise<string> {
  const { run } = await runLorica<{ run: string }>([
    'run',
    'start',
    '-f',
    file,
    '--url',
    url,
    '--token',
    adminToken,
  ])
  return run
}

/** What happens in a run, until it has ended. */
export async function* runEvents(federation: Federation, run: string): AsyncGenerator<RunEvent> {
  const response = await request(federation, `/api/v1/runs/${run}/events?after=0`)
  const body = Readable.fromWeb(response.body as ReadableStream)
  for await (const line of createInterface({ input: body }))
    if (line !== '') yield JSON.parse(line) as RunEvent
}

/** The run as the coordinator has it. */
export async function showRun(federation: Federation, run: string): Promise<RunView> {
  return (await (await request(federation, `/api/v1/runs/${run}`)).json()) as RunView
}

async function request({ url, adminToken }: Federation, path: string): Promise<Response> {
  const response = await fetch(new URL(path, url), { headers: { authorization: `Bearer ${adminToken}` } })
  if (!response.ok) throw new Error(`the coordinator answered ${response.status}: ${await response.text()}`)
  return response
}
