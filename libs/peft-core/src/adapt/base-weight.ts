import type { Tensor } from '../adapter/tensor.js'
import { floatTensor } from '../adapter/values.js'
import { readWeight } from '../graph/constant.js'
import type { Graph } from '../graph/graph.js'
import type { LinearLayer } from '../source/modules.js'

/**
 * The frozen weight of a linear layer as float32, (outputs, inputs), however the model stores it. It is read from its file
 * each time. RangeError when it is not stored as one matrix of floating-point numbers.
 */
export function baseWeight(graph: Graph, module: LinearLayer): Tensor {
  const { path, inFeatures, outFeatures } = module
  const weight = graph.weights.get(module.weight)
  const isFloat = weight !== undefined && /^b?float/.test(weight.element)
  if (!isFloat) {
    const stored = weight?.element === 'uint8' ? 'stored in blocks of integers' : weight?.element
    throw new RangeError(
      `the weight of "${path}" is ${stored ?? 'computed by the graph'}; expected a matrix of floating-point numbers, as DoRA, PiSSA and OLoRA read it`,
    )
  }
  const stored = floatTensor({ ...weight, bytes: readWeight(weight.data) })
  if (module.weightLayout === 'out-in') return stored
  const data = new Float32Array(stored.data.length)
  for (let input = 0; input < inFeatures; input++) {
    for (let output = 0; output < outFeatures; output++)
      data[output * inFeatures + input] = stored.data[input * outFeatures + output] as number
  }
  return { shape: [outFeatures, inFeatures], data }
}
