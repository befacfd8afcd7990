/**
 * A model with the factors of LoRA inserted.
 * @module
 */
import type { AdaptedModule } from '../adapter/factors.js'
import type { LoraConfig } from '../adapter/lora-config.js'
import { loraTargets } from '../adapter/lora-targets.js'
import type { SideRanks } from '../adapter/side.js'
import type { Starts } from '../adapter/start-factors.js'
import type { Graph } from '../graph/graph.js'
import { embeddingLayers } from '../source/embeddings.js'
import type { ForwardModel } from '../source/model.js'
import type { LinearLayer } from '../source/modules.js'
import { doraLayer } from './dora.js'
import { dropoutRows } from './dropout.js'
import { insertAtModules, insertAtNodes } from './insert.js'
import { loraEmbedding, loraLayer } from './lora.js'
import { expertTargets, loraExperts } from './lora-experts.js'
import { insertSaved, savedParameters } from './saved-modules.js'
import { weightStart } from './weight-start.js'

export interface LoraOptions {
  readonly outputLayer: string | undefined
  /** Whether inputs of the factors are dropped, as training does. */
  readonly dropout: boolean
  /** First factors by module, where they are known; they are computed from the weights otherwise. */
  readonly starts?: Starts | undefined
  /** Ranks of frozen factors beside the trained ones, by module. */
  readonly side?: SideRanks | undefined
}

/** The graph with the factors, their biases and the modules that are trained whole as further inputs. */
export function insertLora(
  {
    graph,
    modules,
    expertParameters = [],
  }: Pick<ForwardModel, 'graph' | 'modules'> & Partial<Pick<ForwardModel, 'expertParameters'>>,
  config: LoraConfig,
  { outputLayer, dropout, starts, side }: LoraOptions,
): Graph {
  const embeddings = embeddingLayers(graph)
  if (config.dora) refuseForDora(config, dropout)
  const targets = loraTargets(config, {
    linears: modules,
    embeddings: embeddings.map(embeddingModule),
    outputLayer,
  })
  const paths = new Set(targets.map(({ path }) => path))
  const layers = modules.filter(({ path }) => paths.has(path))
  const dropoutWords = dropout ? widest(graph, layers) : undefined
  if (side !== undefined) expectSideOf(config, targets, side)
  const appended = layers.map((module) => {
    if (config.dora) return [module.path, doraLayer(config, module.path)] as const
    const start = starts?.get(module.path) ?? weightStart(graph, module, config)
    return [
      module.path,
      loraLayer(config, module.path, { dropoutWords, start, sideRank: side?.[module.path] }),
    ] as const
  })
  const tables = embeddings.filter(({ path }) => paths.has(path))
  if (tables.length > 0) refuseForEmbeddings(config, tables[0]?.path ?? '')
  const saved = savedParameters({ graph, modules }, config)
  const experts = expertTargets(expertParameters, config.targetParameters)
  if (experts.length > 0) refuseForExperts(config)
  const withTables = insertAtNodes(
    insertSaved(graph, saved),
    new Map([
      ...tables.map((layer) => {
        const { end, ids } = lookupOf(graph, layer.node)
        return [end, loraEmbedding(config, layer, { ids, sideRank: side?.[layer.path] })] as const
      }),
      ...loraExperts(config, experts),
    ]),
  )
  return insertAtModules(withTables, modules, new Map(appended))
}

/** RangeError for a side that cannot stand beside the trained factors. */
function expectSideOf(
  { dora, loraBias }: LoraConfig,
  targets: readonly AdaptedModule[],
  side: SideRanks,
): void {
  const refused = dora ? 'use_dora' : loraBias ? 'lora_bias' : undefined
  if (refused !== undefined) throw new RangeError(`${refused} is not supported beside frozen factors`)
  const paths = new Set(targets.map(({ path }) => path))
  const foreign = Object.keys(side).find((path) => !paths.has(path))
  if (foreign !== undefined)
    throw new RangeError(`frozen factors expected a module that is adapted, got "${foreign}"`)
}

/** What a Gather looks up, and the node after which its rows are float32: itself, or the cast that alone reads it. */
function lookupOf({ nodes }: Graph, gather: string): { readonly end: string; readonly ids: string } {
  const node = nodes.find(({ name }) => name === gather)
  const users = nodes.filter(({ inputs }) => inputs.includes(node?.outputs[0] ?? ''))
  const [user] = users
  const isCast = users.length === 1 && user?.op === 'Cast'
  return { end: isCast ? user.name : gather, ids: node?.inputs[1] ?? '' }
}

/** An embedding as a module of factors: its rows are the inputs. */
export function embeddingModule({
  path,
  rows,
  width,
}: {
  readonly path: string
  readonly rows: number
  readonly width: number
}): AdaptedModule {
  return { path, kind: 'embedding', inFeatures: rows, outFeatures: width }
}

/** The most rows that a layer is applied to. */
function widest(graph: Graph, layers: readonly LinearLayer[]): number {
  const nodes = new Set(layers.map(({ node }) => node))
  const inputs = graph.nodes.filter(({ name }) => nodes.has(name)).map(({ inputs }) => inputs[0] ?? '')
  return inputs.reduce((most, name) => {
    const type = graph.types.get(name)
    return type === undefined ? most : Math.max(most, dropoutRows(type))
  }, 1)
}

function refuseForDora({ dropout, loraBias, start }: LoraConfig, drops: boolean): void {
  const refused = loraBias
    ? 'lora_bias'
    : drops && dropout > 0
      ? `training with lora_dropout ${dropout}`
      : start
  if (refused !== null) throw new RangeError(`${refused} is not supported together with use_dora`)
}

/** As PEFT: none of these is defined for stacked parameters. */
function refuseForExperts({ dora, dropout, loraBias, start }: LoraConfig): void {
  const refused = dora ? 'use_dora' : loraBias ? 'lora_bias' : dropout > 0 ? `lora_dropout ${dropout}` : start
  if (refused !== null) throw new RangeError(`${refused} is not defined for target_parameters`)
}

function refuseForEmbeddings({ dora, loraBias, start }: LoraConfig, path: string): void {
  const refused = dora ? 'use_dora' : loraBias ? 'lora_bias' : start
  if (refused !== null) throw new RangeError(`${refused} is not supported for the embedding "${path}"`)
}
