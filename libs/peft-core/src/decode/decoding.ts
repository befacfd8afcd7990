/**
 * What an engine's process does that decodes: texts of many requests grow side by side, under the adapters that are loaded.
 * @module
 */
import { setImmediate as afterMessages } from 'node:timers/promises'
import { createPeftConfig, type PeftConfig } from '../adapter/peft-config.js'
import type { Starts } from '../adapter/start-factors.js'
import type { TensorMap } from '../adapter/tensor.js'
import { sampleToken } from '../evaluate/sample.js'
import { batchFeeds } from '../runtime/feeds.js'
import { matchTensors } from '../runtime/matched-tensors.js'
import { paddedRow, windowColumns, withPosition } from '../runtime/next-token.js'
import { createOpenGraphs, type OpenGraph } from '../runtime/open-graphs.js'
import type { Runtime, RuntimeOptions, TensorData } from '../runtime/runtime.js'
import type { BuildGraph, GraphRequest } from '../runtime/training-graph.js'
import { STATES } from '../source/last-states.js'
import type { Task } from '../source/task.js'
import { createCrowd, type Group } from './crowd.js'
import { createGrowth, type DecodedText, type DecodeJob, expectTokens, type OnToken } from './growth.js'
import { meanState } from './mean-state.js'
import type { TableSize } from './table.js'
import { createTexts, type Texts } from './texts.js'

export interface DecodingSpec {
  /** A Hugging Face folder or an .onnx file. */
  readonly model: string
  /** How many texts may grow at once. */
  readonly maxTexts: number
  /** The longest text, prompt and answer; the model's own limit when absent. */
  readonly maxColumns?: number
  /**
   * Whether weights are laid out anew for several texts at once: more tokens a second, and the weights in memory once more for
   * each number of texts and each length that has a graph. False unless stated.
   */
  readonly prepacking?: boolean
}

/** What a model that was opened can do. */
export interface DecodingFacts {
  readonly task: Task
  /** How many tokens it tells apart. */
  readonly vocabulary: number
  /** The longest text, prompt and answer. */
  readonly maxColumns: number
}

/** An adapter as it is loaded; without one the model answers as it is. */
export interface LoadedAdapter {
  readonly config: PeftConfig
  readonly tensors: TensorMap
  /** What its factors started from, when they started from the weights. */
  readonly starts?: Starts | undefined
}

export interface Trial {
  /** Whether keys and values are kept from token to token. */
  readonly isCached: boolean
  /** The likeliest tokens after the tokens it was tried with. */
  readonly tokens: readonly number[]
  readonly milliseconds: number
}

export interface Decoding {
  /** Reads a model; before anything else, and once. */
  open(spec: DecodingSpec): Promise<DecodingFacts>
  /**
   * Makes an adapter (null: none) ready under a name, and tries it: it reads the tokens and gives two more. RangeError when it does not fit
   * the model, or gives what is no number; then the name is not taken.
   */
  load(name: string, adapter: LoadedAdapter | null, probe: readonly number[]): Promise<Trial>
  /** Lets go of an adapter; texts that grow under it go on. */
  unload(name: string): Promise<void>
  /**
   * For each text the mean of its tokens' last states, scaled to length 1, under an adapter. RangeError for a text that is
   * empty or too long.
   */
  embed(name: string, texts: readonly (readonly number[])[]): Promise<readonly Float32Array[]>
  /** Lets a text grow; it ends early, as `cancelled`, when `goesOn` says so. RangeError for tokens that the model does not have. */
  decode(job: DecodeJob, onToken: OnToken, goesOn: () => boolean): Promise<DecodedText>
}

/** Graphs that stay open: some lengths and some numbers of rows, of a few kinds of adapters. */
const MAX_GRAPHS = 16

/** The window that the shortest texts are read in. */
const LEAST_COLUMNS = 32

/** Longer texts than this take a statement of how long. */
const MOST_COLUMNS = 4096

const NO_ADAPTER = createPeftConfig({
  method: 'lora',
  rank: 1,
  alpha: 1,
  targets: 'all-linear',
  rslora: false,
})

export function createDecoding(build: BuildGraph, runtime: Runtime, options: RuntimeOptions): Decoding {
  const graphs = createOpenGraphs(runtime, MAX_GRAPHS)
  const groups = new Map<string, AdapterGroup>()
  const errands: (() => Promise<void>)[] = []
  let model: (DecodingSpec & DecodingFacts) | undefined
  let isBusy = false
  let isAsked = false
  let loads = 0
  const crowd = createCrowd(() => model?.maxTexts ?? 0)

  const opened = (): DecodingSpec & DecodingFacts => {
    if (model === undefined) throw new TypeError('no model is open; call open first')
    return model
  }
  const graphFor = (
    path: string,
    adapter: LoadedAdapter | null,
    {
      own,
      purpose = 'logits',
      ...size
    }: Size & Pick<Partial<GraphRequest>, 'purpose'> & { readonly own?: number | undefined },
  ): Promise<OpenGraph> => {
    const { config = NO_ADAPTER, starts } = adapter ?? {}
    const trainable = adapter === null ? 'nothing' : 'adapter'
    return graphs.get(JSON.stringify([purpose, trainable, config, own, size]), async () => {
      const request = { model: path, config, starts, trainable, purpose, ...size } as const
      const training = await build(request)
      // A single row is read at the speed of memory either way.
      const prepacking = model?.prepacking === true && size.columns === 1 && size.rows > 1
      const how = { ...options, arena: size.columns === 1, rewrites: true, prepacking }
      return { training: purpose === 'logits' ? withPosition(training) : training, options: how }
    })
  }
  const groupFor = async (name: string, adapter: LoadedAdapter | null): Promise<AdapterGroup> => {
    const { model: path, maxColumns: most } = opened()
    const tensors: TensorMap = adapter?.tensors ?? new Map()
    const id = `${name}#${++loads}`
    const own = adapter?.starts === undefined ? undefined : loads // those graphs hold what its factors started from
    const open = async (size: Size, purpose?: 'states'): Promise<OpenGraph> => {
      const graph = await graphFor(path, adapter, {
        ...size,
        own,
        ...(purpose === undefined ? {} : { purpose }),
      })
      matchTensors(graph.parameters, tensors)
      return graph
    }
    const whole = (columns: number): Promise<OpenGraph> => open({ rows: 1, columns, cache: 0 })
    const step = ({ rows, capacity }: TableSize): Promise<OpenGraph> =>
      open({ rows, columns: 1, cache: capacity })
    const { positions = most } = await whole(Math.min(LEAST_COLUMNS, most)) // virtual tokens of an adapter take some
    const maxColumns = Math.min(most, positions)
    const embed = async (ids: readonly number[]): Promise<Float32Array> => {
      const columns = windowColumns(ids.length, maxColumns)
      const { graph, session } = await open({ rows: 1, columns }, 'states')
      const outputs = await session.run(batchFeeds(graph, tensors, paddedRow(ids, columns)))
      const { data, shape } = outputs.get(STATES) as TensorData
      return meanState(data as Float32Array, shape.at(-1) as number, ids.length)
    }
    return {
      id,
      embed,
      texts: createTexts({ whole, step }, { tensors, maxColumns, leastColumns: LEAST_COLUMNS }),
    }
  }
  const groupOf = (name: string): AdapterGroup => {
    const group = groups.get(name)
    if (group !== undefined) return group
    throw new RangeError(`adapter expected to be one of ${[...groups.keys()].join(', ')}, got "${name}"`)
  }
  const work = async (): Promise<void> => {
    isBusy = true
    while (isAsked) {
      isAsked = false
      const next = errands.shift()
      await next?.()
      const moved = await crowd.move()
      if (next === undefined && !moved) continue
      isAsked = true
      await afterMessages() // hears of what came in while the runtime had the thread
    }
    isBusy = false
  }
  const wake = (): void => {
    isAsked = true
    if (!isBusy) void work()
  }
  /** Work that needs the graphs for itself: between two tokens of the texts. */
  const errand = <T>(run: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      errands.push(() => run().then(resolve, reject))
      wake()
    })

  return {
    open: (spec) =>
      errand(async () => {
        if (model !== undefined) throw new TypeError('a model is open already; start another engine')
        const first = await graphFor(spec.model, null, { rows: 1, columns: LEAST_COLUMNS, cache: 0 })
        const maxColumns = Math.min(spec.maxColumns ?? MOST_COLUMNS, first.positions ?? MOST_COLUMNS)
        const facts = { task: first.task, vocabulary: first.classes ?? 0, maxColumns }
        model = { ...spec, ...facts }
        return facts
      }),
    load: (name, adapter, probe) =>
      errand(async () => {
        const startedMs = performance.now()
        const group = await groupFor(name, adapter)
        const { texts } = group
        const tokens = await tried(texts, probe)
        groups.set(name, group)
        return { isCached: texts.isCached === true, tokens, milliseconds: performance.now() - startedMs }
      }),
    unload: async (name) => void groups.delete(name),
    async embed(name, texts) {
      const { vocabulary, maxColumns } = opened()
      for (const ids of texts) expectTokens(ids, { vocabulary, maxColumns })
      return await Promise.all(texts.map((ids) => errand(() => groupOf(name).embed(ids)))) // the texts that grow go on between them
    },
    async decode(job, onToken, goesOn) {
      const { vocabulary, maxColumns } = opened()
      const growth = createGrowth(job, { vocabulary, maxColumns, onToken, goesOn })
      const text = crowd.join(groupOf(job.adapter), growth)
      wake()
      return await text
    },
  }
}

type Size = Pick<GraphRequest, 'rows' | 'columns' | 'cache'>

interface AdapterGroup extends Group {
  embed(ids: readonly number[]): Promise<Float32Array>
}

/** The two likeliest tokens after a text, one after the other. RangeError when a logit is no number. */
async function tried(texts: Texts, probe: readonly number[]): Promise<readonly number[]> {
  const key = 0
  try {
    const first = likeliestOf(await texts.begin(key, probe))
    const logits = await texts.extend(new Map([[key, first]]))
    return [first, likeliestOf(logits.get(key) as Float32Array)]
  } finally {
    texts.end(key)
  }
}

const likeliestOf = (logits: Float32Array): number => sampleToken(logits, { temperature: 0 }, () => 0)
