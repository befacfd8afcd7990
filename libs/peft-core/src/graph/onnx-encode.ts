/**
 * A graph as the bytes of an ONNX model: intermediate representation 10, operator set 21 and com.microsoft 1.
 * Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @module
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { elementNumbers } from '../operators/elementwise.js'
import { externalFiles } from './external-files.js'
import {
  type Attribute,
  type Element,
  type Graph,
  isNote,
  type Node,
  type TensorType,
  type Weight,
} from './graph.js'

const IR_VERSION = 10
const OPSET = 21

/** An ONNX model in memory and the folder that the files with its weights lie in or below. */
export interface OnnxEncoding {
  readonly bytes: Uint8Array
  /** What the locations in `bytes` are relative to; undefined when every weight is in the bytes. */
  readonly folder: string | undefined
}

/**
 * An ONNX model that computes a graph. Weights in memory go into the bytes; weights in a file are named by location,
 * offset and length, and are used in place. The folder is the deepest one that holds all of the files, links
 * resolved, unless it is stated; RangeError when a file is not below it.
 */
export function encodeOnnx(graph: Graph, options: { readonly folder?: string } = {}): OnnxEncoding {
  const { folder, locationOf } = externalFiles(graph, options.folder)
  const writer = new BinaryWriter()
  integer(writer, 1, IR_VERSION)
  string(writer, 2, 'lorica')
  message(writer, 7, () => {
    for (const node of graph.nodes) message(writer, 1, () => writeNode(writer, node))
    string(writer, 2, 'graph')
    for (const weight of graph.weights.values())
      message(writer, 5, () => writeTensor(writer, weight, locationOf))
    for (const value of graph.inputs) message(writer, 11, () => writeValue(writer, value.name, value))
    for (const value of graph.outputs) message(writer, 12, () => writeValue(writer, value.name, value))
  })
  writeOperatorSet(writer, '', OPSET)
  writeOperatorSet(writer, 'com.microsoft', 1)
  return { bytes: writer.finish(), folder }
}

function writeOperatorSet(writer: BinaryWriter, domain: string, version: number): void {
  message(writer, 8, () => {
    string(writer, 1, domain)
    integer(writer, 2, version)
  })
}

function writeNode(writer: BinaryWriter, node: Node): void {
  for (const input of node.inputs) string(writer, 1, input)
  for (const output of node.outputs) string(writer, 2, output)
  string(writer, 3, node.name)
  string(writer, 4, node.op)
  for (const [name, attribute] of Object.entries(node.attributes)) {
    if (isNote(name)) continue
    message(writer, 5, () => writeAttribute(writer, name, attribute))
  }
  string(writer, 7, node.domain)
  if (node.module !== undefined) writeEntry(writer, 9, 'module', node.module)
}

const kindCodes: Readonly<Record<Attribute['kind'], number>> = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  floats: 6,
  ints: 7,
  strings: 8,
}

function writeAttribute(writer: BinaryWriter, name: string, attribute: Attribute): void {
  string(writer, 1, name)
  switch (attribute.kind) {
    case 'float':
      writer.tag(2, WireType.Bit32).float(attribute.value)
      break
    case 'int':
      integer(writer, 3, attribute.value)
      break
    case 'string':
      string(writer, 4, attribute.value)
      break
    case 'tensor':
      message(writer, 5, () => writeTensor(writer, attribute.value, (path) => path))
      break
    case 'floats':
      for (const value of attribute.value) writer.tag(7, WireType.Bit32).float(value)
      break
    case 'ints':
      for (const value of attribute.value) integer(writer, 8, value)
      break
    case 'strings':
      for (const value of attribute.value) string(writer, 9, value)
      break
  }
  integer(writer, 20, kindCodes[attribute.kind])
}

function writeTensor(writer: BinaryWriter, weight: Weight, location: (path: string) => string): void {
  for (const side of weight.shape) integer(writer, 1, side)
  integer(writer, 2, codeOf(weight.name, weight.element))
  string(writer, 8, weight.name)
  if (weight.data.kind === 'bytes') {
    writer.tag(9, WireType.LengthDelimited).bytes(weight.data.bytes)
    return
  }
  writeEntry(writer, 13, 'location', location(weight.data.path))
  writeEntry(writer, 13, 'offset', String(weight.data.offset))
  writeEntry(writer, 13, 'length', String(weight.data.length))
  integer(writer, 14, 1)
}

function writeValue(writer: BinaryWriter, name: string, type: TensorType): void {
  string(writer, 1, name)
  message(writer, 2, () =>
    message(writer, 1, () => {
      integer(writer, 1, codeOf(name, type.element))
      message(writer, 2, () => {
        for (const side of type.shape) message(writer, 1, () => integer(writer, 1, side))
      })
    }),
  )
}

function codeOf(name: string, element: Element): number {
  if (element !== 'string') return elementNumbers[element]
  throw new TypeError(`"${name}" is a tensor of strings; a graph computes with numbers`)
}

function writeEntry(writer: BinaryWriter, field: number, key: string, value: string): void {
  message(writer, field, () => {
    string(writer, 1, key)
    string(writer, 2, value)
  })
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork()
  write()
  writer.join()
}

function string(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value)
}

function integer(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value)
}
