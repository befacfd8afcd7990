import type { TensorMap } from '../adapter/tensor.js'
import { sameShape } from '../graph/graph.js'
import type { TrainingGraph } from './training-graph.js'

/** The tensors as they are, when they are exactly the graph's parameters; RangeError names the first that is not. */
export function matchTensors(parameters: TrainingGraph['parameters'], tensors: TensorMap): TensorMap {
  for (const { name, shape } of parameters) {
    const tensor = tensors.get(name)
    if (tensor !== undefined && sameShape(tensor.shape, shape)) continue
    const got = tensor === undefined ? 'it is missing' : `got (${tensor.shape.join(', ')})`
    throw new RangeError(`tensor "${name}" expected shape (${shape.join(', ')}); ${got}`)
  }
  if (tensors.size > parameters.length) {
    const known = new Set(parameters.map(({ name }) => name))
    const extra = [...tensors.keys()].find((name) => !known.has(name))
    throw new RangeError(
      `tensor "${extra}" belongs to no module that the adapter's configuration selects and the model can adapt (a table of positions, such as wpe, is none); train the adapter without it`,
    )
  }
  return tensors
}
