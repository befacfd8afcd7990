import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PlanView, RunView } from '@lorica/protocol'
import { runLorica } from './lorica.js'
import { type Line, programs, type Service, startService } from './service.js'
import { writeToyModel } from './toy-model.js'

export interface FleetOptions {
  readonly folder: string
  readonly texts: readonly string[] // one agent each
  /** The address that an agent joins at, when it is not that of the coordinator itself. */
  readonly addressOf?: (agent: number, url: string) => Promise<string>
  /** Where a member keeps what it has, when that is not in `folder`. */
  readonly folderOf?: (member: 'coordinator' | number) => string | undefined
  /** More arguments of an agent when it joins. */
  readonly join?: (agent: number) => readonly string[]
  /** More arguments of the coordinator. */
  readonly serve?: readonly string[]
  readonly modelWidth?: number
  /** Writes another base into a folder than the toy model. */
  readonly writeModel?: (folder: string) => Promise<string>
  readonly extension?: 'txt' | 'csv' // of the files of `texts`; txt when left out
}

/** A coordinator and its agents as processes on a toy model. Everything ends with the scope. */
export interface Fleet extends AsyncDisposable {
  readonly model: string
  readonly url: string
  readonly adminToken: string
  readonly join: string // link
  readonly folders: { readonly coordinator: string; agent(index: number): string }
  readonly agents: Service[] // the process of each agent that runs now
  coordinator(): Service
  /** Every process that this agent has been, oldest first. */
  lives(index: number): readonly Service[]
  /** Ends the coordinator, by default with SIGKILL, and starts it again on its folder and port. */
  restartCoordinator(signal?: NodeJS.Signals): Promise<void>
  /** Kills an agent and starts it again without a token. */
  restartAgent(index: number, options?: readonly string[]): Promise<void>
  /** `lorica ARGS --json` as the operator of this fleet. */
  operate<T>(...args: readonly string[]): Promise<T>
  /** What a run would be: `lorica run plan`. */
  plan(settings?: RunSettings): Promise<PlanView>
  /** Starts a run and returns its id. */
  start(settings?: RunSettings): Promise<string>
  /** Starts a run and waits for its end. */
  run(settings?: RunSettings): Promise<RunView>
  /** Everything that any process of the fleet has printed. */
  printed(): string
}

export interface RunSettings {
  readonly rounds?: number
  readonly steps?: number
  readonly seed?: number
  readonly rank?: number
  readonly minimum?: number // updates; those of all agents when left out
  readonly where?: string // agents that take part; all when left out
  readonly deadlineSeconds?: number
  readonly optimizer?: 'adamw' | 'sgd'
  readonly optimizerState?: 'keep' | 'reset'
  readonly ranks?: string // of some agents, as YAML
  readonly modulesToSave?: string // as YAML
  readonly format?: 'text' | 'classification'
  readonly learningRate?: number
  readonly aggregate?: string // as YAML
  readonly privacy?: string // as YAML
  readonly holdout?: string // 20% when left out
  readonly guards?: string // none when left out
  readonly evaluate?: string // more of it, as YAML
  readonly rollout?: string // as YAML; null when left out
  readonly buffer?: number // updates that close a round; rounds wait for those of all agents when left out
}

const isConnected = ({ event }: Line): boolean => event === 'connected'

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { folder, texts, addressOf } = options
  const write = options.writeModel ?? ((path: string) => writeToyModel(path, undefined, options.modelWidth))
  const model = await write(join(folder, 'model'))
  const folders = {
    coordinator: options.folderOf?.('coordinator') ?? join(folder, 'coordinator'),
    agent: (index: number) => options.folderOf?.(index) ?? join(folder, `agent-${index}`),
  }
  const services: Service[] = []
  const start = (program: string, args: readonly string[]): Service => {
    const service = startService(program, [...args, '--json'])
    services.push(service)
    return service
  }
  const serve = (port: string): Service =>
    start(programs.coordinator, ['--dir', folders.coordinator, '--port', port, ...(options.serve ?? [])])
  const dispose = async (): Promise<void> => {
    await Promise.all(services.map((service) => service[Symbol.asyncDispose]()))
  }
  try {
    let coordinator = serve('0')
    const ready = (await coordinator.until((line) => 'adminToken' in line)) as unknown as {
      readonly url: string
      readonly adminToken: string
      readonly join: string
    }
    const { url, adminToken, join: link } = ready
    const agents = await Promise.all(
      texts.map(async (text, index) => {
        const data = join(folder, `private-${index}.${options.extension ?? 'txt'}`)
        await writeFile(data, text)
        const address = (await addressOf?.(index, url)) ?? url
        const member = ['--dir', folders.agent(index), '--name', `site-${index}`, '--data', data]
        const more = options.join?.(index) ?? []
        const own = ['join', link.replace(url, address), ...member, '--threads', '1', ...more]
        const agent = start(programs.agent, own)
        await agent.until(isConnected)
        return agent
      }),
    )
    const lives = agents.map((agent) => [agent])
    const operate = <T>(...args: readonly string[]): Promise<T> =>
      runLorica<T>([...args, '--url', url, '--token', adminToken])
    const writeRun = async (settings?: RunSettings): Promise<string> => {
      const file = join(folder, 'run.yaml')
      await writeFile(file, runFile(texts.length, settings))
      return file
    }
    return {
      ...{ model, url, adminToken, join: link, folders, agents, operate },
      coordinator: () => coordinator,
      lives: (index) => lives[index] ?? [],
      async restartCoordinator(signal = 'SIGKILL') {
        await coordinator.stop(signal)
        coordinator = serve(new URL(url).port)
        await coordinator.until((line) => 'adminToken' in line)
      },
      async restartAgent(index, options = []) {
        await agents[index]?.stop('SIGKILL')
        const agent = start(programs.agent, ['start', '--dir', folders.agent(index), ...options])
        agents[index] = agent
        lives[index]?.push(agent)
        await agent.until(isConnected)
      },
      plan: async (settings) => await operate('run', 'plan', '-f', await writeRun(settings)),
      start: async (settings) =>
        (await operate<{ readonly run: string }>('run', 'start', '-f', await writeRun(settings))).run,
      run: async (settings) => await operate('run', 'start', '-f', await writeRun(settings), '--wait'),
      printed: () => services.map((service) => service.printed()).join('\n'),
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

function runFile(texts: number, settings: RunSettings = {}): string {
  const { rounds = 2, steps = 6, seed = 11, rank = 4, minimum = texts, deadlineSeconds = 120 } = settings
  const { buffer, optimizerState = 'keep', ranks, aggregate = '{}', privacy = '{}' } = settings
  const { modulesToSave, format = 'text', learningRate = 0.05, holdout = '20%' } = settings
  const { guards = '[]', evaluate, rollout = 'null', where, optimizer = 'adamw' } = settings
  const chosen = where === undefined ? '' : `, where: "${where}"`
  const saved = modulesToSave === undefined ? '' : `, modulesToSave: ${modulesToSave}`
  const buffered =
    buffer === undefined ? '' : `, mode: buffered, buffer: { size: ${buffer}, maxStaleness: null }`
  return `name: toy
base: { model: ./model }
peft: { rank: ${rank}, alpha: ${2 * rank}${ranks === undefined ? '' : `, ranks: ${ranks}`}${saved} }
data: { maxTokens: 24, format: ${format} }
local: { steps: ${steps}, batch: 4, learningRate: ${learningRate}, optimizer: ${optimizer}, optimizerState: ${optimizerState} }
rounds: { count: ${rounds}, minimum: ${minimum}, deadline: ${deadlineSeconds}s${buffered}${chosen} }
aggregate: ${aggregate}
privacy: ${privacy}
evaluate: { holdout: ${holdout}, tokens: 400, guards: ${guards}${evaluate === undefined ? '' : `, ${evaluate}`} }
rollout: ${rollout}
seed: ${seed}
`
}

/** Paragraphs of another length and subject for each site, the same each time. */
export function siteText(site: number): string {
  const places = ['harbour', 'island', 'river', 'cape', 'bay'] as const
  const paragraphs = Array.from({ length: 24 + 9 * site }, (_, index) => {
    const place = places[(index + site) % places.length]
    const year = 1800 + 7 * index + 3 * site
    return `In the year ${year} the ship of captain ${index % 6} lay ${index + 2} days at the ${place}, and the whale was not seen.`
  })
  return `${paragraphs.join('\n\n')}\n`
}
