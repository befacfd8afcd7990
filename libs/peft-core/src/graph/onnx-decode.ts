/**
 * The bytes of an ONNX model as an OnnxModel. Weights are views of the bytes, or byte ranges of files beside the model.
 * Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @module
 */
import type { Attribute, Attributes, Weight } from './graph.js'
import type { OnnxModel, OnnxNode, OnnxValue } from './onnx-model.js'
import { elementOfCode, readEntry, readTensor } from './onnx-tensor.js'
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
  const functions: string[] = []
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
        functions.push(readFunctionName(field))
        break
    }
  })
  if (graphs !== 1 || operatorSets.size === 0) {
    throw malformed(`expected one graph and its operator sets, got ${graphs} and ${operatorSets.size}`)
  }
  const given = new Set<string>()
  for (const name of graph.nodes.flatMap(({ outputs }) => outputs)) {
    if (name !== '' && given.has(name)) throw malformed(`two nodes give the value "${name}"`)
    given.add(name)
  }
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name))
  return {
    irVersion,
    operatorSets,
    producer,
    ...graph,
    inputs,
    metadata,
    functions,
  }
}

function readGraphField(graph: GraphFields, field: Field, folder: string): void {
  switch (field.number) {
    case 1:
      if (graph.nodes.length >= MAX_NODES) throw malformed(`it has more than ${MAX_NODES} nodes`)
      graph.nodes.push(readNode(field, `node ${graph.nodes.length}`, folder))
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

function readNode(field: Field, what: string, folder: string): OnnxNode {
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes = new Map<string, Attribute>()
  const opaque = new Map<string, string>()
  const metadata = new Map<string, string>()
  let [name, op, domain] = ['', '', '']
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
        const read = readAttribute(part, folder)
        if (typeof read.value === 'string') opaque.set(read.name, read.value)
        else attributes.set(read.name, read.value)
        break
      }
      case 7:
        domain = standardDomain(part.text())
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
    metadata,
  }
}

const standardDomain = (domain: string): string => (domain === 'ai.onnx' ? '' : domain)

/** An attribute, or as a string what kind of thing it is when graphs cannot hold it. */
function readAttribute(
  field: Field,
  folder: string,
): { readonly name: string; readonly value: Attribute | string } {
  const decoder = new TextDecoder()
  const read = { name: '', kind: 0, float: 0, int: 0, string: '' }
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
        tensor = readTensor(part.bytes(), `attribute "${read.name}"`, folder)
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

const typeKinds: Readonly<Record<number, OnnxValue['kind']>> = {
  1: 'tensor',
  4: 'sequence',
  5: 'map',
  8: 'sparse tensor',
  9: 'optional',
}

function readValue(field: Field): OnnxValue {
  let name = ''
  let kind: OnnxValue['kind'] = 'unknown'
  let element: OnnxValue['element']
  let sides: (number | string | undefined)[] | undefined
  field.message('a value', (part) => {
    if (part.number === 1) name = part.text()
    if (part.number !== 2) return
    part.message('the type', (type) => {
      kind = typeKinds[type.number] ?? kind
      if (type.number !== 1) return
      type.message('the tensor type', (inner) => {
        if (inner.number === 1) element = elementOfCode(inner.integer())
        if (inner.number !== 2) return
        sides = []
        inner.message('the shape', (side) => {
          if (side.number === 1) sides?.push(readSide(side))
        })
      })
    })
  })
  return { name, kind, element, sides }
}

function readSide(field: Field): number | string | undefined {
  let side: number | string | undefined
  field.message('a side', (part) => {
    if (part.number === 1) side = part.integer()
    if (part.number === 2) side = part.text()
  })
  return side === '' || (typeof side === 'number' && side < 0) ? undefined : side
}

function readOperatorSet(field: Field): {
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

function readFunctionName(field: Field): string {
  let [domain, name] = ['', '']
  field.message('a function', (part) => {
    if (part.number === 1) name = part.text()
    if (part.number === 10) domain = part.text()
  })
  return `${domain}.${name}`
}
