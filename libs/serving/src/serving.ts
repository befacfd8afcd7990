/**
 * A model that answers on this machine, under several adapters, through OpenAI's API.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import {
  type ChatTemplate,
  type DecodingFacts,
  type EngineFacts,
  type EngineOptions,
  float32Copy,
  openTokenizer,
  startDecodingEngine,
} from '@lorica/peft-core'
import { ApiError } from './api/api-error.js'
import { parseChat } from './api/chat-request.js'
import { parseCompletion } from './api/completion-request.js'
import { embeddingsBody, parseEmbeddings } from './api/embeddings-request.js'
import { type AnswerTally, createAnswerTallies } from './metrics/answer-tally.js'
import { createServingMetrics } from './metrics/serving-metrics.js'
import type { Controlled } from './models/control.js'
import { stopIdsOf, templateOf } from './models/model-files.js'
import { noRouting, type Routing, routed } from './models/routing.js'
import { createShelf, type ServedModel, type Shelf } from './models/shelf.js'
import type { Asked, Paths, RunningServer } from './net/server.js'
import { startServer } from './net/server.js'
import { chatReply } from './replies/chat-reply.js'
import { completionReply, promptTokens } from './replies/completion-reply.js'
import { createPlaces, type Desk, expectRoom } from './replies/reply.js'

export interface ServingOptions {
  /** A Hugging Face folder or an .onnx file. */
  readonly model: string
  /** The name of the model as it is; its folder's unless stated. */
  readonly name?: string | undefined
  readonly engine: EngineOptions
  /** How many answers grow at once, and how many more may wait. */
  readonly maxTexts: number
  readonly maxWaiting: number
  /** The longest text, prompt and answer; the model's own limit, or 4096, when absent. */
  readonly maxTokens?: number | undefined
  /** Whether weights are laid out anew for several texts at once, in memory of their own; false unless stated. */
  readonly prepacking?: boolean | undefined
  /** A file with a template for conversations, in place of the model's. */
  readonly template?: string | undefined
  /** How many versions of each adapter stay loaded. */
  readonly kept: number
  readonly host: string
  readonly port: number
  readonly key?: string | undefined
  /** More that the server answers, such as what changes what is served. */
  readonly paths?: ((controlled: Controlled) => Paths) | undefined
}

export interface Serving extends AsyncDisposable {
  readonly url: string
  readonly facts: DecodingFacts & { readonly engine: EngineFacts; readonly pid: number }
  readonly shelf: Shelf
  /** How requests went under a version of a model, since the server started. */
  tally(name: string, version: string): AnswerTally
  /** Where requests go that do not go to the model they name. */
  route(routing: Routing): void
  close(): Promise<void>
}

/** How many names there may be, each with an adapter in memory. */
const MOST_MODELS = 64

const PATIENCE_MS = 30_000

/** Opens a model, and serves it under its own name. Adapters are put on the shelf afterwards. */
export async function startServing(options: ServingOptions): Promise<Serving> {
  const { model, maxTexts, maxWaiting, kept } = options
  const tokenizer = await openTokenizer(model)
  const template = await templateOf(model, tokenizer, options.template)
  const stopIds = await stopIdsOf(model, tokenizer)
  const scratch = await mkdtemp(join(tmpdir(), 'lorica-serving-'))
  const weights = join(scratch, 'model')
  const isCopied = await float32Copy(model, weights).catch(async (cause: Error) => {
    await rm(scratch, { recursive: true, force: true })
    throw cause
  })
  const engine = await startDecodingEngine(options.engine).catch(async (cause: Error) => {
    await rm(scratch, { recursive: true, force: true })
    throw cause
  })
  const end = async (): Promise<void> => {
    await engine.close()
    await rm(scratch, { recursive: true, force: true })
  }
  try {
    const limit = options.maxTokens === undefined ? {} : { maxColumns: options.maxTokens }
    const facts = await engine.open({
      model: isCopied ? weights : model,
      maxTexts,
      prepacking: options.prepacking ?? false,
      ...limit,
    })
    if (facts.task !== 'causal')
      throw new RangeError(
        `model "${model}" expected to be a causal language model, got one for the task "${facts.task}"`,
      )
    const probe = [tokenizer.bosId ?? tokenizer.eosId ?? 0, ...tokenizer.encode('1')].slice(0, 2)
    const shelf = createShelf({ engine, probe, kept, most: MOST_MODELS, nowMs: Date.now })
    const places = createPlaces(maxTexts + maxWaiting)
    const metrics = createServingMetrics({ models: () => shelf.models, open: () => places.open })
    const tallies = createAnswerTallies()
    const name = options.name ?? basename(resolve(model))
    await shelf.put(name, { adapter: null, version: 'base' })
    const desk = {
      engine,
      tokenizer,
      metrics,
      tallies,
      maxColumns: facts.maxColumns,
      stopIds,
      admit: places.admit,
      template,
    }
    let routing = noRouting
    const route = (next: Routing): void => {
      routing = next
    }
    let isOpen = true
    const server = await startServer({
      ...options,
      metrics,
      paths: { ...apiPaths(desk, shelf, () => routing), ...options.paths?.({ shelf, route }) },
      isReady: () => isOpen,
    })
    const close = async (): Promise<void> => {
      isOpen = false
      await server.close(PATIENCE_MS)
      await end()
    }
    return {
      url: (server satisfies RunningServer).url,
      facts: { ...facts, engine: engine.facts, pid: engine.pid },
      shelf,
      tally: tallies.of,
      route,
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** The paths of OpenAI's API. */
function apiPaths(
  desk: Desk & { readonly template: ChatTemplate | undefined },
  shelf: Shelf,
  routing: () => Routing,
): Paths {
  const modelFor = (name: string, { headers }: Asked): ServedModel => {
    if (shelf.find(name) === undefined) throw unknownModel(name, shelf)
    const model = shelf.find(routed(routing(), { model: name, headers, draw: Math.random() }))
    if (model === undefined) throw unknownModel(name, shelf)
    return model
  }
  const context = ({ model }: { readonly model: string }, asked: Asked, prefix: string) => ({
    id: `${prefix}-${asked.id}`,
    model: modelFor(model, asked),
    nowMs: Date.now(),
    signal: asked.signal,
  })
  return {
    'POST /v1/completions': (body, asked) => {
      const request = parseCompletion(body)
      return completionReply(desk, request, context(request, asked, 'cmpl'))
    },
    'POST /v1/chat/completions': (body, asked) => {
      const request = parseChat(body)
      return chatReply(desk, request, context(request, asked, 'chatcmpl'))
    },
    'POST /v1/embeddings': async (body, asked) => {
      const { model, inputs, isBase64 } = parseEmbeddings(body)
      const { key, name } = modelFor(model, asked)
      const texts = inputs.map((input) => promptTokens(desk, input))
      expectRoom(desk, { prompts: texts, maxTokens: 0 })
      using _place = desk.admit(1)
      const read = texts.reduce((sum, { length }) => sum + length, 0)
      return embeddingsBody(name, await desk.engine.embed(key, texts), { isBase64, promptTokens: read })
    },
    'GET /v1/models': () => ({ object: 'list', data: shelf.models.map(modelBody) }),
    'GET /v1/models/': (_, { rest }) => {
      const model = shelf.find(rest)
      if (model === undefined) throw unknownModel(rest, shelf)
      return modelBody(model)
    },
  }
}

const modelBody = ({ name, createdS, version }: ServedModel) => ({
  id: name,
  object: 'model',
  created: createdS,
  owned_by: 'lorica',
  version,
})

const unknownModel = (name: string, { models }: Shelf): ApiError =>
  new ApiError(404, `expected one of the models ${models.map((one) => one.name).join(', ')}, got "${name}"`, {
    param: 'model',
    code: 'model_not_found',
  })
