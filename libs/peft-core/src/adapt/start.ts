import { basename, resolve } from 'node:path'
import type { Adapter } from '../adapter/adapter.js'
import { initialBottlenecks } from '../adapter/bottleneck-weights.js'
import { type AdaptedModule, factorKey, initialTensors } from '../adapter/factors.js'
import { initialVectors } from '../adapter/ia3-vectors.js'
import { type LoraConfig, rankOf } from '../adapter/lora-config.js'
import { loraTargets } from '../adapter/lora-targets.js'
import type { BaseFacts } from '../adapter/origin.js'
import { suffixPattern } from '../adapter/pattern.js'
import {
  createModuleConfig,
  type ModuleConfig,
  type PeftConfig,
  type PeftSpec,
} from '../adapter/peft-config.js'
import { createPromptConfig, type PromptSpec } from '../adapter/prompt-config.js'
import { PROMPT_KEY, randomPrompt, startTokens } from '../adapter/prompt-embeddings.js'
import { adaptablePaths } from '../adapter/saved-modules.js'
import { isAllLinear, targetModules, unmatchedLayers, unmatchedNames } from '../adapter/target-modules.js'
import type { TensorMap } from '../adapter/tensor.js'
import { embeddingLayers } from '../source/embeddings.js'
import { type ForwardModel, type Model, type OpenOptions, openModel } from '../source/model.js'
import type { Task } from '../source/task.js'
import { initialMagnitudes } from './dora.js'
import { expertModuleOf, expertTargets } from './lora-experts.js'
import { embeddingModule } from './lora-model.js'
import { expectPromptable } from './prompt.js'
import { savedParameters, savedTensors } from './saved-modules.js'
import { embeddingRows, tokenEmbedding } from './token-embedding.js'
import { weightStart } from './weight-start.js'

/** PEFT expects an adapter that says SEQ_CLS to bring a trained classifier along; these leave the model's own as it is. */
const taskTypes = { causal: 'CAUSAL_LM', masked: null, token: null, sequence: null, image: null } as const

/** PEFT's names for a classifier that is saved with its adapter, and the modules that it then saves. */
const classifierTypes: Partial<Record<Task, string>> = { sequence: 'SEQ_CLS', token: 'TOKEN_CLS' }
const classifiers = ['classifier', 'score'] as const

/**
 * A fresh adapter for a model, with which the model is what it was: LoRA's A uniform and B zero, IA3's vectors one, W_up of a
 * bottleneck zero. (A soft prompt cannot be without effect.) No runtime is loaded; weights are read only where the method
 * starts from them. The same model, spec and seed give the same bytes. RangeError when one of the targets matches no module,
 * or a rank is larger than a side of the module. A new head (`options`) is saved with the adapter.
 */
export async function createAdapter(
  model: string,
  given: PeftSpec,
  seed: number,
  options: OpenOptions = {},
): Promise<Adapter> {
  const opened = await openModel(model, options)
  const spec = withNewModules(given, opened)
  const forward = opened.forward({ rows: 1, columns: 2, trainable: false })
  const facts = {
    taskType: taskTypes[opened.task],
    baseModel: basename(resolve(model)),
    fanInFanOut: opened.family === 'gpt2',
    family: opened.family,
  }
  if (spec.method === 'prompt') return promptAdapter(opened, forward, { spec, facts, seed })
  return moduleAdapter(opened, forward, { spec, facts, seed })
}

/** The modules of a new head are trained whole. */
function withNewModules(spec: PeftSpec, { newModules }: Model): PeftSpec {
  if (newModules.length === 0) return spec
  if (spec.method === 'bottleneck')
    throw new RangeError('a new head is trained with lora, dora, ia3 or prompt, not with bottleneck')
  return { ...spec, modulesToSave: [...new Set([...(spec.modulesToSave ?? []), ...newModules])] }
}

interface Wanted<Spec extends PeftSpec> {
  readonly spec: Spec
  readonly facts: BaseFacts
  readonly seed: number
}

function promptAdapter(
  opened: Model,
  forward: ForwardModel,
  { spec, facts, seed }: Wanted<PromptSpec>,
): Adapter {
  expectPromptable(opened)
  const embedding = tokenEmbedding(forward.graph)
  const [vocabulary, tokenDim] = embedding.table.shape as [number, number]
  // PEFT gives a soft prompt to a masked-word model or a classifier only under this name, without a head to be saved.
  const taskType = facts.taskType ?? 'FEATURE_EXTRACTION'
  const config = classifierAware(createPromptConfig(spec, { ...facts, taskType, tokenDim }), opened)
  const { start = 'random' } = spec
  const prompt =
    start === 'random'
      ? randomPrompt(config, seed)
      : embeddingRows(embedding, startTokens(config, start, { vocabulary, seed }))
  return { config, tensors: new Map([[PROMPT_KEY, prompt], ...savedStart(config, forward)]) }
}

function moduleAdapter(
  opened: Model,
  forward: ForwardModel,
  { spec, facts, seed }: Wanted<Exclude<PeftSpec, PromptSpec>>,
): Adapter {
  const wanted = classifierAware(createModuleConfig(spec, facts), opened)
  const named = targetsOf(wanted, forward, opened.outputLayer)
  const config = isAllLinear(wanted)
    ? { ...wanted, targetModules: endings(named.map(({ path }) => path)) }
    : wanted
  const targets = isAllLinear(wanted) ? targetsOf(config, forward, opened.outputLayer) : named
  expectAllMatch(
    config,
    targets.map(({ path }) => path),
  )
  return { config, tensors: startTensors(config, { forward, targets }, seed) }
}

/** Whatever the configuration names is there. */
function expectAllMatch(config: ModuleConfig, paths: readonly string[]): void {
  const patterns = config.method === 'lora' ? { ...config.rankPattern, ...config.alphaPattern } : {}
  const foreign = Object.keys(patterns).filter(
    (name) => !paths.some((path) => suffixPattern(name).test(path)),
  )
  const unmatched = [
    ['target_modules', unmatchedNames(config, paths)],
    ['layers_to_transform', unmatchedLayers(config, paths)],
    ['rank_pattern and alpha_pattern', foreign],
  ] as const
  for (const [field, names] of unmatched) {
    if (names.length === 0) continue
    throw new RangeError(`${field} ${names.join(', ')} match no module that can be adapted; leave them out`)
  }
}

/** With saved modules, an adapter of a classifier brings the classifier along, as PEFT expects of SEQ_CLS. */
function classifierAware<Config extends PeftConfig>(config: Config, { task }: Model): Config {
  const taskType = classifierTypes[task]
  if (config.method === 'bottleneck' || config.modulesToSave === null || taskType === undefined) return config
  const modulesToSave = [...new Set([...config.modulesToSave, ...classifiers])]
  return { ...config, taskType, modulesToSave }
}

function targetsOf(
  config: ModuleConfig,
  { graph, modules, expertParameters }: ForwardModel,
  outputLayer: string | undefined,
): readonly AdaptedModule[] {
  if (config.method === 'lora') {
    const embeddings = embeddingLayers(graph).map(embeddingModule)
    const experts = expertTargets(expertParameters, config.targetParameters).map(expertModuleOf)
    const targets = [...loraTargets(config, { linears: modules, embeddings, outputLayer }), ...experts]
    for (const module of targets) expectFittingRank(config, module)
    return targets
  }
  const paths = new Set(targetModules(config, adaptablePaths(config, modules), outputLayer))
  return modules.filter(({ path }) => paths.has(path))
}

function expectFittingRank(
  config: LoraConfig,
  { path, parameter = path, inFeatures, outFeatures }: AdaptedModule,
): void {
  const [rank, shorter] = [rankOf(config, parameter), Math.min(inFeatures, outFeatures)]
  if (rank <= shorter) return
  throw new RangeError(
    `rank ${rank} is larger than the layer "${path}" (${outFeatures}, ${inFeatures}); expected at most ${shorter}`,
  )
}

/** The last names of paths, once each: what PEFT writes for 'all-linear'. */
function endings(paths: readonly string[]): readonly string[] {
  return [...new Set(paths.map((path) => path.split('.').at(-1) as string))].sort()
}

interface Started {
  readonly forward: ForwardModel
  readonly targets: readonly AdaptedModule[]
}

function startTensors(config: ModuleConfig, started: Started, seed: number): TensorMap {
  return new Map([...methodStart(config, started, seed), ...savedStart(config, started.forward)])
}

/** The modules that are kept whole, as the base has them. */
function savedStart(config: PeftConfig, forward: ForwardModel): TensorMap {
  return savedTensors(savedParameters(forward, config))
}

function methodStart(config: ModuleConfig, { forward, targets }: Started, seed: number): TensorMap {
  if (config.method === 'ia3') return initialVectors(config, targets)
  if (config.method === 'bottleneck') return initialBottlenecks(config, targets, seed)
  const { graph } = forward
  const paths = new Set(targets.map(({ path }) => path))
  const modules = forward.modules.filter(({ path }) => paths.has(path))
  const tensors = new Map(initialTensors(targets, config, seed))
  if (config.dora)
    for (const [key, magnitude] of initialMagnitudes(graph, modules)) tensors.set(key, magnitude)
  for (const module of modules) {
    const start = weightStart(graph, module, config)
    if (start === undefined) continue
    tensors.set(factorKey(module.path, 'A'), start.a)
    tensors.set(factorKey(module.path, 'B'), start.b)
  }
  return tensors
}
