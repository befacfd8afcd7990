/**
 * The bytes of an ONNX model as an OnnxModel. Weights are views of the bytes, or byte ranges of files beside the model.
 * Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @module
 */
import type { Weight } from './graph.js'
import { inlineFunctions } from './inline-functions.js'
import { readFunction, readOperatorSet } from './onnx-function.js'
import type { OnnxFunction, OnnxModel, OnnxNode, OnnxValue } from './onnx-model.js'
import { readNode } from './onnx-node.js'
import { readEntry, readTensor } from './onnx-tensor.js'
import { readValue } from './onnx-value.js'
import { type Field, malformed, readFields } from './protobuf-fields.js'

const MAX_NODES = 1_000_000

/** A protobuf message cannot be longer. */
const MAX_BYTES = 2 ** 31

interface GraphFields {
  readonly nodes: OnnxNode[]
  readonly inputs: OnnxValue[]
  readonly outputs: OnnxValue[]
  readonly initializers: Map<string, Weight>
}

/**
 * Decodes a model. `folder` is where the model lies; the files its weights name are in or below it (they are not
 * opened). OnnxError `malformed` for bytes that are no model, saying where; `unsupported` for elements Lorica lacks.
 */
export function decodeOnnx(bytes: Uint8Array, folder: string): OnnxModel {
  if (bytes.byteLength > MAX_BYTES)
    throw malformed(`${bytes.byteLength} bytes; a model has at most ${MAX_BYTES}`)
  const operatorSets = new Map<string, number>()
  const metadata = new Map<string, string>()
  const functions: OnnxFunction[] = []
  const graph: GraphFields = {
    nodes: [],
    inputs: [],
    outputs: [],
    initializers: new Map(),
  }
  let irVersion = 0
  let producer = ''
  let graphs = 0
  readFields(bytes, 'the model', (field) => {
    switch (field.number) {
      case 1:
        irVersion = field.integer()
        break
      case 2:
        producer = field.text()
        break
      case 7:
        graphs++
        field.message('the graph', (part) => readGraphField(graph, part, folder))
        break
      case 8: {
        const { domain, version } = readOperatorSet(field)
        operatorSets.set(domain, version)
        break
      }
      case 14:
        metadata.set(...readEntry(field))
        break
      case 25:
        functions.push(readFunction(field, folder))
        break
    }
  })
  if (graphs !== 1 || operatorSets.size === 0) {
    throw malformed(`expected one graph and its operator sets, got ${graphs} and ${operatorSets.size}`)
  }
  checkOnce(graph.nodes)
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name))
  const nodes = inlineFunctions(graph.nodes, functions)
  return { irVersion, operatorSets, producer, ...graph, inputs, nodes, metadata }
}

function checkOnce(nodes: readonly OnnxNode[]): void {
  const given = new Set<string>()
  for (const name of nodes.flatMap(({ outputs }) => outputs)) {
    if (name !== '' && given.has(name)) throw malformed(`two nodes give the value "${name}"`)
    given.add(name)
  }
}

function readGraphField(graph: GraphFields, field: Field, folder: string): void {
  switch (field.number) {
    case 1:
      if (graph.nodes.length >= MAX_NODES) throw malformed(`it has more than ${MAX_NODES} nodes`)
      graph.nodes.push(readNode(field, `node ${graph.nodes.length}`, { folder, depth: 0 }))
      break
    case 5: {
      const weight = readTensor(field.bytes(), `initializer ${graph.initializers.size}`, folder)
      if (weight.name === '' || graph.initializers.has(weight.name)) {
        throw malformed(`two initializers are named "${weight.name}", or one has no name`)
      }
      graph.initializers.set(weight.name, weight)
      break
    }
    case 11:
      graph.inputs.push(readValue(field))
      break
    case 12:
      graph.outputs.push(readValue(field))
      break
    case 15:
      throw malformed('it has sparse initializers, which are not supported')
  }
}
