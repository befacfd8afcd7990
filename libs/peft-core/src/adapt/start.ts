import { basename, resolve } from 'node:path'
import type { Adapter } from '../adapter/adapter.js'
import { initialTensors } from '../adapter/factors.js'
import { initialVectors } from '../adapter/ia3-vectors.js'
import { createPeftConfig, type PeftConfig, type PeftSpec } from '../adapter/peft-config.js'
import { isAllLinear, targetModules } from '../adapter/target-modules.js'
import type { TensorMap } from '../adapter/tensor.js'
import { type ForwardModel, openModel } from '../source/model.js'
import { initialMagnitudes } from './dora.js'

/** PEFT expects an adapter that says SEQ_CLS to bring a trained classifier along; these leave the model's own as it is. */
const taskTypes = { causal: 'CAUSAL_LM', masked: null, token: null, sequence: null, image: null } as const

/**
 * A fresh adapter for a model, with which the model is what it was: LoRA's A uniform and B zero, IA3's vectors one. No
 * runtime is loaded; weights are read only where the method starts from them. The same model, spec and seed give the same
 * bytes. RangeError when the targets match no module.
 */
export async function createAdapter(model: string, spec: PeftSpec, seed: number): Promise<Adapter> {
  const opened = await openModel(model)
  const { graph, modules } = opened.forward({ rows: 1, columns: 2, trainable: false })
  const wanted = createPeftConfig(spec, {
    taskType: taskTypes[opened.task],
    baseModel: basename(resolve(model)),
    fanInFanOut: opened.family === 'gpt2',
    family: opened.family,
  })
  const paths = targetModules(
    wanted,
    modules.map(({ path }) => path),
    opened.outputLayer,
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
  config: PeftConfig,
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
