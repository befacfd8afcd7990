/**
 * Rounds of agents whose updates are known, and what the exact mean of them is.
 * @module
 */
import { type Adapter, parseAdapter, type Tensor, type TensorMap } from '@lorica/peft-core'
import type {
  FileReference,
  ReleaseManifest,
  ReplayView,
  RoundView,
  RunView,
  TrainAssignment,
} from '@lorica/protocol'
import { type ScriptedAgent, startAgent } from '../agent.fixture.js'
import type { Fleet } from '../fleet.fixture.js'

/** What an agent makes of the tensors that it trains, and how many tokens it says that it saw. */
export interface Site {
  readonly change: (start: TensorMap, round: number) => TensorMap
  readonly tokens: number
}

export interface Federation {
  readonly run: RunView
  readonly assignments: readonly TrainAssignment[] // of one agent, by round
  readonly adapters: readonly Adapter[] // what each round starts from, and what is released last
  /** What each agent sent in a round (from 1), with its share. */
  sent(
    round: number,
  ): readonly { readonly name: string; readonly share: number; readonly update: TensorMap }[]
  view(round: number): Promise<RoundView>
  replay(round: number): Promise<ReplayView>
}

/** Runs rounds in which every agent takes part. */
export async function federate(
  fleet: Fleet,
  sites: Readonly<Record<string, Site>>,
  {
    aggregate,
    rounds,
    ...more
  }: { readonly aggregate: object; readonly rounds: number; readonly peft?: object },
): Promise<Federation> {
  const sent = new Map<string, TensorMap>()
  const agents = await Promise.all(
    Object.entries(sites).map(([name, { change, tokens }]) =>
      startAgent(fleet, name, {
        async train(agent, assignment) {
          const recorded = (start: TensorMap) => {
            const update = change(start, assignment.round)
            sent.set(`${assignment.round} ${name}`, update)
            return update
          }
          await agent.upload(assignment, recorded, tokens)
        },
      }),
    ),
  )
  const runId = await fleet.startRun({
    ...{ aggregate, rounds: { count: rounds, minimum: agents.length }, evaluate: { holdout: 0 } },
    ...more,
  })
  await fleet.event(runId, 'run-ended')
  const run = await fleet.run(runId)
  const [first] = agents as [ScriptedAgent]
  const assignments = first.assignments.filter((one): one is TrainAssignment => one.kind === 'train')
  const { manifest } = (await fleet.api('GET', `/api/v1/releases/${run.release}`)).body as {
    manifest: ReleaseManifest
  }
  const folders = [...assignments.map(({ adapter }) => adapter.files), manifest.files]
  const tokens = Object.values(sites).reduce((sum, site) => sum + site.tokens, 0)
  return {
    run,
    assignments,
    adapters: await Promise.all(folders.map((files) => readAdapter(first, files))),
    sent: (round) =>
      Object.entries(sites).map(([name, site]) => ({
        ...{ name, share: site.tokens / tokens, update: sent.get(`${round} ${name}`)! },
      })),
    view: async (round) =>
      (await fleet.api('GET', `/api/v1/runs/${runId}/rounds/${round}`)).body as RoundView,
    replay: async (round) =>
      (await fleet.api('POST', `/api/v1/runs/${runId}/rounds/${round}/replay`)).body as ReplayView,
  }
}

async function readAdapter(agent: ScriptedAgent, files: readonly FileReference[]): Promise<Adapter> {
  const bytesOf = (name: string) => agent.read(files.find(({ path }) => path === name)!.sha256)
  return parseAdapter({
    'adapter_config.json': await bytesOf('adapter_config.json'),
    'adapter_model.safetensors': await bytesOf('adapter_model.safetensors'),
  })
}

/** scaling B A of each module, in float64, row after row. */
export type Changes = ReadonlyMap<string, Float64Array>

/** What an adapter does to the weights, after an update of its leading rows of A and columns of B. */
export function changesOf({ config, tensors }: Adapter, update: TensorMap = new Map()): Changes {
  if (config.method !== 'lora' || Object.keys(config.rankPattern).length > 0)
    throw new RangeError('expected LoRA of one rank')
  const scaling = config.alpha / (config.rslora ? Math.sqrt(config.rank) : config.rank)
  const names = [...tensors.keys()].filter((name) => name.endsWith('.lora_A.weight'))
  return new Map(
    names.map((name) => {
      const keys = [name, name.replace('.lora_A.', '.lora_B.')] as const
      const [a, b] = keys.map((key) => moved(tensors.get(key)!, update.get(key))) as [Tensor64, Tensor64]
      const [[rank, inputs], outputs] = [a.shape as [number, number], b.shape[0] as number]
      const change = new Float64Array(outputs * inputs)
      for (let at = 0; at < change.length; at++) {
        const [row, column] = [Math.floor(at / inputs), at % inputs]
        for (let k = 0; k < rank; k++)
          change[at] = change[at]! + scaling * b.data[row * rank + k]! * a.data[k * inputs + column]!
      }
      return [name, change] as const
    }),
  )
}

interface Tensor64 {
  readonly shape: readonly number[]
  readonly data: Float64Array
}

function moved({ shape, data }: Tensor, change: Tensor | undefined): Tensor64 {
  const sum = Float64Array.from(data)
  if (change === undefined) return { shape, data: sum }
  const [width, own] = [shape[1] as number, change.shape[1] as number]
  for (const [at, value] of change.data.entries()) {
    const into = Math.floor(at / own) * width + (at % own)
    sum[into] = sum[into]! + value
  }
  return { shape, data: sum }
}

/** The mean of what the agents of a round did to the weights. */
export function exactMean(federation: Federation, round: number): Changes {
  const terms = federation
    .sent(round)
    .map(({ share, update }) => ({ share, of: changesOf(federation.adapters[round - 1]!, update) }))
  return new Map(
    [...terms[0]!.of].map(([name, first]) => [
      name,
      first.map((_, at) => terms.reduce((sum, { share, of }) => sum + share * of.get(name)![at]!, 0)),
    ]),
  )
}

/** The distance of two changes of the model, relative to the second. */
export function distance(one: Changes, other: Changes): number {
  const all = [...other].flatMap(([name, values]) =>
    [...values].map((value, at) => [one.get(name)![at]!, value]),
  )
  return Math.hypot(...all.map(([a, b]) => a! - b!)) / Math.hypot(...all.map(([, b]) => b!))
}
