/**
 * A node of a model, its attributes and the graphs among them.
 * Field numbers: NodeProto and AttributeProto in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @module
 */
import type { Attribute, Attributes, Weight } from './graph.js'
import type { OnnxNode, OnnxSubgraph } from './onnx-model.js'
import { readEntry, readTensor } from './onnx-tensor.js'
import { readValue } from './onnx-value.js'
import { type Field, malformed } from './protobuf-fields.js'

/** Graphs within graphs, at most. */
const MAX_DEPTH = 16

/** Where a part of a model stands. */
export interface Place {
  /** The folder that the model lies in. */
  readonly folder: string
  /** How many graphs it is inside of, besides the model's. */
  readonly depth: number
}

export function readNode(field: Field, what: string, place: Place): OnnxNode {
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes = new Map<string, Attribute>()
  const opaque = new Map<string, string>()
  const subgraphs = new Map<string, OnnxSubgraph>()
  const references = new Map<string, string>()
  const metadata = new Map<string, string>()
  let [name, op, domain, overload] = ['', '', '', '']
  field.message(what, (part) => {
    switch (part.number) {
      case 1:
        inputs.push(part.text())
        break
      case 2:
        outputs.push(part.text())
        break
      case 3:
        name = part.text()
        break
      case 4:
        op = part.text()
        break
      case 5: {
        const read = readAttribute(part, place)
        if (read.reference !== '') references.set(read.name, read.reference)
        else if (typeof read.value === 'string') opaque.set(read.name, read.value)
        else attributes.set(read.name, read.value)
        if (read.subgraph !== undefined) subgraphs.set(read.name, read.subgraph)
        break
      }
      case 7:
        domain = standardDomain(part.text())
        break
      case 8:
        overload = part.text()
        break
      case 9:
        metadata.set(...readEntry(part))
        break
    }
  })
  const entries: Attributes = Object.fromEntries(attributes)
  return {
    name,
    op,
    domain,
    inputs,
    outputs,
    attributes: entries,
    opaque,
    subgraphs,
    references,
    overload,
    metadata,
  }
}

export const standardDomain = (domain: string): string => (domain === 'ai.onnx' ? '' : domain)

export interface ReadAttribute {
  readonly name: string
  /** As a string, what kind of thing it is when graphs cannot hold it. */
  readonly value: Attribute | string
  readonly subgraph: OnnxSubgraph | undefined
  /** In the body of a function: the attribute of the function that it stands for, or ''. */
  readonly reference: string
}

export function readAttribute(field: Field, place: Place): ReadAttribute {
  const decoder = new TextDecoder()
  const read = { name: '', kind: 0, float: 0, int: 0, string: '', reference: '' }
  let subgraph: OnnxSubgraph | undefined
  const [floats, ints, strings]: [number[], number[], string[]] = [[], [], []]
  let tensor: Weight | undefined
  field.message('an attribute', (part) => {
    switch (part.number) {
      case 1:
        read.name = part.text()
        break
      case 2:
        read.float = part.float()
        break
      case 3:
        read.int = part.integer()
        break
      case 4:
        read.string = decoder.decode(part.bytes())
        break
      case 5:
        tensor = readTensor(part.bytes(), `attribute "${read.name}"`, place.folder)
        break
      case 6:
        subgraph = readSubgraph(part, { ...place, depth: place.depth + 1 })
        break
      case 7:
        for (const value of part.floats()) floats.push(value)
        break
      case 8:
        for (const value of part.integers()) ints.push(value)
        break
      case 9:
        strings.push(decoder.decode(part.bytes()))
        break
      case 20:
        read.kind = part.integer()
        break
      case 21:
        read.reference = part.text()
        break
    }
  })
  const values: Readonly<Record<number, Attribute | undefined>> = {
    1: { kind: 'float', value: read.float },
    2: { kind: 'int', value: read.int },
    3: { kind: 'string', value: read.string },
    4: tensor && { kind: 'tensor', value: tensor },
    6: { kind: 'floats', value: floats },
    7: { kind: 'ints', value: ints },
    8: { kind: 'strings', value: strings },
  }
  return {
    name: read.name,
    value: values[read.kind] ?? opaqueKinds[read.kind] ?? `attribute kind ${read.kind}`,
    subgraph,
    reference: read.reference,
  }
}

const opaqueKinds: Readonly<Record<number, string>> = {
  5: 'graph',
  9: 'tensors',
  10: 'graphs',
  11: 'sparse tensor',
  12: 'sparse tensors',
  13: 'type',
  14: 'types',
}

/** The graph of an attribute: a branch of `If`, or the body of a loop. */
function readSubgraph(field: Field, place: Place): OnnxSubgraph {
  if (place.depth > MAX_DEPTH) throw malformed(`it has more than ${MAX_DEPTH} graphs within each other`)
  const nodes: OnnxNode[] = []
  const initializers = new Map<string, Weight>()
  const outputs: string[] = []
  field.message('a graph', (part) => {
    switch (part.number) {
      case 1:
        nodes.push(readNode(part, `node ${nodes.length}`, place))
        break
      case 5: {
        const weight = readTensor(part.bytes(), `initializer ${initializers.size}`, place.folder)
        initializers.set(weight.name, weight)
        break
      }
      case 12:
        outputs.push(readValue(part).name)
        break
    }
  })
  return { nodes, initializers, outputs }
}
