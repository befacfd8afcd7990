import { basename, resolve } from 'node:path'
import type { Adapter } from '../adapter/adapter.js'
import { initialTensors } from '../adapter/factors.js'
import { initialVectors } from '../adapter/ia3-vectors.js'
import type { BaseFacts } from '../adapter/origin.js'
import { createModuleConfig, type ModuleConfig, type PeftSpec } from '../adapter/peft-config.js'
import { createPromptConfig, type PromptSpec } from '../adapter/prompt-config.js'
import { PROMPT_KEY, randomPrompt, startTokens } from '../adapter/prompt-embeddings.js'
import { isAllLinear, targetModules } from '../adapter/target-modules.js'
import type { TensorMap } from '../adapter/tensor.js'
import type { Graph } from '../graph/graph.js'
import { type ForwardModel, type Model, openModel } from '../source/model.js'
import { initialMagnitudes } from './dora.js'
import { embeddingRows, tokenEmbedding } from './token-embedding.js'

/** PEFT expects an adapter that says SEQ_CLS to bring a trained classifier along; these leave the model's own as it is. */
const taskTypes = { causal: 'CAUSAL_LM', masked: null, token: null, sequence: null, image: null } as const

/**
 * A fresh adapter for a model, with which the model is what it was: LoRA's A uniform and B zero, IA3's vectors one. (A soft
 * prompt cannot be without effect.) No runtime is loaded; weights are read only where the method starts from them. The same
 * model, spec and seed give the same bytes. RangeError when the targets match no module.
 */
export async function createAdapter(model: string, spec: PeftSpec, seed: number): Promise<Adapter> {
  const opened = await openModel(model)
  const forward = opened.forward({ rows: 1, columns: 2, trainable: false })
  const facts = {
    taskType: taskTypes[opened.task],
    baseModel: basename(resolve(model)),
    fanInFanOut: opened.family === 'gpt2',
    family: opened.family,
  }
  if (spec.method === 'prompt') return promptAdapter(forward.graph, { spec, facts, seed })
  return moduleAdapter(opened, forward, { spec, facts, seed })
}

interface Wanted<Spec extends PeftSpec> {
  readonly spec: Spec
  readonly facts: BaseFacts
  readonly seed: number
}

function promptAdapter(graph: Graph, { spec, facts, seed }: Wanted<PromptSpec>): Adapter {
  const embedding = tokenEmbedding(graph)
  const [vocabulary, tokenDim] = embedding.table.shape as [number, number]
  // PEFT gives a soft prompt to a masked-word model or a classifier only under this name, without a head to be saved.
  const taskType = facts.taskType ?? 'FEATURE_EXTRACTION'
  const config = createPromptConfig(spec, { ...facts, taskType, tokenDim })
  const { start = 'random' } = spec
  const prompt =
    start === 'random'
      ? randomPrompt(config, seed)
      : embeddingRows(embedding, startTokens(config, start, { vocabulary, seed }))
  return { config, tensors: new Map([[PROMPT_KEY, prompt]]) }
}

function moduleAdapter(
  { outputLayer }: Pick<Model, 'outputLayer'>,
  { graph, modules }: ForwardModel,
  { spec, facts, seed }: Wanted<Exclude<PeftSpec, PromptSpec>>,
): Adapter {
  const wanted = createModuleConfig(spec, facts)
  const paths = targetModules(
    wanted,
    modules.map(({ path }) => path),
    outputLayer,
  )
  const config = isAllLinear(wanted) ? { ...wanted, targetModules: endings(paths) } : wanted
  const targets = modules.filter(({ path }) => paths.includes(path))
  return { config, tensors: startTensors(config, { graph, modules: targets }, seed) }
}

/** The last names of paths, once each: what PEFT writes for 'all-linear'. */
function endings(paths: readonly string[]): readonly string[] {
  return [...new Set(paths.map((path) => path.split('.').at(-1) as string))].sort()
}

function startTensors(
  config: ModuleConfig,
  { graph, modules }: Pick<ForwardModel, 'graph' | 'modules'>,
  seed: number,
): TensorMap {
  switch (config.method) {
    case 'lora': {
      const factors = initialTensors(modules, config, seed)
      return config.dora ? new Map([...factors, ...initialMagnitudes(graph, modules)]) : factors
    }
    case 'ia3':
      return initialVectors(config, modules)
  }
}
