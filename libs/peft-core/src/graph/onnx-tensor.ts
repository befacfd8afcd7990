/**
 * A tensor of an ONNX file, in any of the ways that its numbers can be stored, as a weight.
 * Field numbers: TensorProto in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @module
 */
import path from 'node:path'
import { elementNumbers } from '../operators/elementwise.js'
import { weightBytes } from './constant.js'
import { isOutside } from './external-files.js'
import { type Element, elementBytes, sizeOf, type Weight, type WeightData } from './graph.js'
import { OnnxError } from './onnx-error.js'
import { type Field, malformed, readFields } from './protobuf-fields.js'

const MAX_RANK = 16

interface TensorFields {
  name: string
  element: number
  external: boolean
  raw: Uint8Array | undefined
  readonly shape: number[]
  readonly numbers: number[]
  readonly entries: Map<string, string>
}

/** Reads a tensor. `folder` is the model's; external data lies in or below it. */
export function readTensor(bytes: Uint8Array, what: string, folder: string): Weight {
  const fields: TensorFields = {
    name: '',
    element: 0,
    external: false,
    raw: undefined,
    shape: [],
    numbers: [],
    entries: new Map(),
  }
  readFields(bytes, what, (field) => readTensorField(fields, field))
  const { name, shape } = fields
  const title = name === '' ? what : `tensor "${name}"`
  const element = elementOf(fields.element, title)
  if (shape.length > MAX_RANK)
    throw malformed(`${title} has ${shape.length} sides, expected at most ${MAX_RANK}`)
  if (!shape.every((side) => side >= 0) || !Number.isSafeInteger(sizeOf(shape) * 8)) {
    throw malformed(`${title} has the shape (${shape.join(', ')})`)
  }
  return { name, element, shape, data: dataOf(fields, element, title, folder) }
}

function readTensorField(fields: TensorFields, field: Field): void {
  switch (field.number) {
    case 1:
      append(fields.shape, field.integers())
      break
    case 2:
      fields.element = field.integer()
      break
    case 4:
      append(fields.numbers, field.floats())
      break
    case 5: // int32_data: also the smaller integers, booleans and the bits of 16-bit floats
    case 7:
      append(fields.numbers, field.integers())
      break
    case 8:
      fields.name = field.text()
      break
    case 9:
      fields.raw = field.bytes()
      break
    case 10:
      append(fields.numbers, field.doubles())
      break
    case 11:
      append(fields.numbers, field.unsigned())
      break
    case 13: {
      const [key, value] = readEntry(field)
      fields.entries.set(key, value)
      break
    }
    case 14:
      fields.external = field.integer() === 1
      break
  }
}

/** A StringStringEntryProto. */
export function readEntry(field: Field): readonly [string, string] {
  let key = ''
  let value = ''
  field.message('an entry', (part) => {
    if (part.number === 1) key = part.text()
    if (part.number === 2) value = part.text()
  })
  return [key, value]
}

function append(list: number[], values: readonly number[]): void {
  for (const value of values) list.push(value)
}

const elements = new Map(Object.entries(elementNumbers).map(([name, code]) => [code, name as Element]))

/** The element of a TensorProto.DataType, or undefined for one that graphs do not know. */
export function elementOfCode(code: number): Element | undefined {
  return elements.get(code)
}

function elementOf(code: number, title: string): Element {
  const element = elements.get(code)
  if (element !== undefined) return element
  throw new OnnxError(
    'unsupported',
    `${title} has elements of ONNX data type ${code}, which is not supported`,
  )
}

/** The whole numbers that stand for some elements where they are listed one by one: their bits, or two to a byte. */
const storedAs: Partial<Readonly<Record<Element, Element>>> = {
  float16: 'uint16',
  bfloat16: 'uint16',
  uint4: 'uint8',
  int4: 'uint8',
}

function dataOf(fields: TensorFields, element: Element, title: string, folder: string): WeightData {
  const count = sizeOf(fields.shape)
  const lengthBytes = Math.ceil(count * elementBytes[element]) // of 4-bit numbers the last byte may be half full
  if (fields.external) return externalData(fields.entries, lengthBytes, title, folder)
  if (element === 'string') return { kind: 'bytes', bytes: new Uint8Array(0) }
  const { raw, numbers } = fields
  const stored = storedAs[element] ?? element
  const got = raw === undefined ? numbers.length * elementBytes[stored] : raw.byteLength
  if (got !== lengthBytes) {
    throw malformed(
      `${title} of shape (${fields.shape.join(', ')}) needs ${lengthBytes} bytes of ${element}, got ${got}`,
    )
  }
  if (raw !== undefined) return { kind: 'bytes', bytes: raw }
  return { kind: 'bytes', bytes: weightBytes(numbers, stored) }
}

function externalData(
  entries: ReadonlyMap<string, string>,
  lengthBytes: number,
  title: string,
  folder: string,
): WeightData {
  const location = entries.get('location') ?? ''
  const file = path.resolve(folder, location)
  const relative = path.relative(folder, file)
  if (
    location === '' ||
    location.includes('\0') ||
    relative === '' ||
    path.isAbsolute(location) ||
    isOutside(relative)
  ) {
    throw malformed(`${title} has its data in "${location}"; expected a file in or below the model's folder`)
  }
  const offset = Number(entries.get('offset') ?? '0')
  const length = Number(entries.get('length') ?? lengthBytes)
  if (!Number.isSafeInteger(offset) || offset < 0 || length !== lengthBytes) {
    const range = `offset ${entries.get('offset')}, length ${entries.get('length')}`
    throw malformed(`${title} needs ${lengthBytes} bytes of "${location}"; the model says ${range}`)
  }
  return { kind: 'file', path: file, offset, length }
}
