/**
 * What a model says of an input or an output.
 * Field numbers: ValueInfoProto in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @module
 */
import type { OnnxValue } from './onnx-model.js'
import { elementOfCode } from './onnx-tensor.js'
import type { Field } from './protobuf-fields.js'

const typeKinds: Readonly<Record<number, OnnxValue['kind']>> = {
  1: 'tensor',
  4: 'sequence',
  5: 'map',
  8: 'sparse tensor',
  9: 'optional',
}

export function readValue(field: Field): OnnxValue {
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
