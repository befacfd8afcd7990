import { basename, resolve } from 'node:path'
import type { Adapter } from '../adapter/adapter.js'
import { initialTensors } from '../adapter/factors.js'
import { createPeftConfig, type PeftSpec } from '../adapter/peft-config.js'
import { isAllLinear, targetModules } from '../adapter/target-modules.js'
import { openModel } from '../source/model.js'

/** PEFT expects an adapter that says SEQ_CLS to bring a trained classifier along; these leave the model's own as it is. */
const taskTypes = { causal: 'CAUSAL_LM', masked: null, sequence: null } as const

/**
 * A fresh adapter for a model: A uniform, B zero, so that the adapted model is the base. No runtime is loaded and no
 * weight is read. The same model, spec and seed give the same bytes. RangeError when the targets match no module.
 */
export async function createAdapter(model: string, spec: PeftSpec, seed: number): Promise<Adapter> {
  const opened = await openModel(model)
  const { modules } = opened.forward({ rows: 1, columns: 2, trainable: false })
  const wanted = createPeftConfig(spec)
  const paths = targetModules(
    wanted,
    modules.map(({ path }) => path),
    opened.outputLayer,
  )
  const targets = isAllLinear(wanted)
    ? [...new Set(paths.map((path) => path.split('.').at(-1) as string))].sort()
    : spec.targets
  const config = createPeftConfig(
    { ...spec, targets },
    {
      taskType: taskTypes[opened.task],
      baseModel: basename(resolve(model)),
      fanInFanOut: opened.family === 'gpt2',
    },
  )
  return {
    config,
    tensors: initialTensors(
      modules.filter(({ path }) => paths.includes(path)),
      config,
      seed,
    ),
  }
}
