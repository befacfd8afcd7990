/**
 * A function that a model brings along: an operator made of others.
 * Field numbers: FunctionProto in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @module
 */
import type { Attribute } from './graph.js'
import type { OnnxFunction, OnnxNode } from './onnx-model.js'
import { readAttribute, readNode, standardDomain } from './onnx-node.js'
import type { Field } from './protobuf-fields.js'

export function readFunction(field: Field, folder: string): OnnxFunction {
  const place = { folder, depth: 0 }
  const [inputs, outputs]: [string[], string[]] = [[], []]
  const nodes: OnnxNode[] = []
  const defaults = new Map<string, Attribute>()
  const operatorSets = new Map<string, number>()
  let [domain, name, overload] = ['', '', '']
  field.message('a function', (part) => {
    switch (part.number) {
      case 1:
        name = part.text()
        break
      case 4:
        inputs.push(part.text())
        break
      case 5:
        outputs.push(part.text())
        break
      case 7:
        nodes.push(readNode(part, `node ${nodes.length} of function ${name}`, place))
        break
      case 9: {
        const set = readOperatorSet(part)
        operatorSets.set(set.domain, set.version)
        break
      }
      case 10:
        domain = standardDomain(part.text())
        break
      case 11: {
        const read = readAttribute(part, place)
        if (typeof read.value !== 'string') defaults.set(read.name, read.value)
        break
      }
      case 13:
        overload = part.text()
        break
    }
  })
  return { domain, name, overload, inputs, outputs, nodes, defaults, operatorSets }
}

export function readOperatorSet(field: Field): {
  readonly domain: string
  readonly version: number
} {
  let [domain, version] = ['', 0]
  field.message('an operator set', (part) => {
    if (part.number === 1) domain = standardDomain(part.text())
    if (part.number === 2) version = part.integer()
  })
  return { domain, version }
}
