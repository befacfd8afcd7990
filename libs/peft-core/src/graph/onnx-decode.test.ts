import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { expect, test } from 'vitest'
import { createBuilder } from './builder.js'
import { constantFromWeight } from './constant.js'
import { float, type Graph, int, ints, text } from './graph.js'
import { decodeOnnx } from './onnx-decode.js'
import { encodeOnnx } from './onnx-encode.js'
import { OnnxError } from './onnx-error.js'

/** A message of length-delimited and integer fields; a value that is a list is a message of its own. */
type Message = readonly (readonly [field: number, value: Message | Uint8Array | string | number])[]

function write(message: Message): Uint8Array {
  const writer = new BinaryWriter()
  for (const [field, value] of message) {
    if (typeof value === 'number') writer.tag(field, WireType.Varint).int64(value)
    else if (typeof value === 'string') writer.tag(field, WireType.LengthDelimited).string(value)
    else
      writer
        .tag(field, WireType.LengthDelimited)
        .bytes(value instanceof Uint8Array ? value : write(value as Message))
  }
  return writer.finish()
}

/** The bytes of a model with one initializer, which has these fields besides the name `w`. */
function modelWith(tensor: Message): Uint8Array {
  return write([
    [8, [[2, 21]]],
    [7, [[5, [[8, 'w'], ...tensor]]]],
  ])
}

const initializer = (tensor: Message) => {
  const weight = decodeOnnx(modelWith(tensor), '/models').initializers.get('w')
  if (weight === undefined) throw new Error('no initializer')
  return weight
}

function example(): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2, 3])
  const bytes = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)
  const w = builder.weight({ name: 'w', element: 'float32', shape: [2, 3], data: { kind: 'bytes', bytes } })
  const y = builder.op('Gemm', [x, w], { attributes: { transB: int(1), alpha: float(0.5) }, name: 'y' })
  const flipped = builder.op('Transpose', [y], { attributes: { perm: ints([1, 0]) } })
  builder.output(builder.op('Gelu', [flipped], { attributes: { approximate: text('tanh') }, module: 'act' }))
  return builder.build()
}

test('a graph survives being written and read', () => {
  const graph = example()
  const model = decodeOnnx(encodeOnnx(graph).bytes, '/models')
  expect(model.irVersion).toBe(10)
  expect([...model.operatorSets]).toEqual([
    ['', 21],
    ['com.microsoft', 1],
  ])
  expect(
    model.nodes.map(({ op, inputs, outputs, attributes }) => ({ op, inputs, outputs, attributes })),
  ).toEqual(graph.nodes.map(({ op, inputs, outputs, attributes }) => ({ op, inputs, outputs, attributes })))
  expect(model.inputs).toEqual([{ name: 'x', kind: 'tensor', element: 'float32', sides: [2, 3] }])
  expect(model.initializers.get('w')).toEqual(graph.weights.get('w'))
})

test('weights are views of the bytes', () => {
  const bytes = encodeOnnx(example()).bytes
  const data = decodeOnnx(bytes, '/models').initializers.get('w')?.data
  expect(data?.kind === 'bytes' && data.bytes.buffer).toBe(bytes.buffer)
})

test('every shorter file is refused as malformed', () => {
  const bytes = write([
    [
      7,
      [
        [
          1,
          [
            [4, 'Relu'],
            [1, 'x'],
            [2, 'y'],
          ],
        ],
      ],
    ],
    [8, [[2, 21]]],
  ])
  expect(decodeOnnx(bytes, '/models').nodes).toHaveLength(1)
  for (let length = 0; length < bytes.length; length++) {
    const attempt = () => decodeOnnx(bytes.subarray(0, length), '/models')
    expect(attempt).toThrow(expect.objectContaining({ reason: 'malformed' }))
  }
})

test('bytes that are no model are refused, saying where', () => {
  const json = new TextEncoder().encode('{"model_type": "gpt2"}')
  expect(() => decodeOnnx(json, '/models')).toThrow(
    /not a readable ONNX model: the model has illegal bytes near byte/,
  )
})

test('a model needs a graph and its operator sets', () => {
  expect(() => decodeOnnx(write([[8, [[2, 21]]]]), '/models')).toThrow(
    /expected one graph and its operator sets, got 0 and 1/,
  )
})

test('an input that has an initializer need not be fed', () => {
  const bytes = write([
    [8, [[2, 9]]],
    [
      7,
      [
        [11, [[1, 'x']]],
        [11, [[1, 'w']]],
        [
          5,
          [
            [8, 'w'],
            [2, 7],
            [7, 3],
          ],
        ],
      ],
    ],
  ])
  expect(decodeOnnx(bytes, '/models').inputs.map(({ name }) => name)).toEqual(['x'])
})

test('numbers are read from whichever field they are in', () => {
  const numbers = (tensor: Message): number[] => [...constantFromWeight(initializer(tensor)).data]
  const floats = new Uint8Array(Float32Array.of(1.5, -2).buffer)
  expect(
    numbers([
      [1, 2],
      [2, 1],
      [4, floats],
    ]),
  ).toEqual([1.5, -2])
  expect(
    numbers([
      [1, 3],
      [2, 7],
      [7, 5],
      [7, -7],
      [7, 9],
    ]),
  ).toEqual([5, -7, 9])
  expect(
    numbers([
      [1, 2],
      [2, 10],
      [5, 0x3e00],
      [5, 0xc000],
    ]),
  ).toEqual([1.5, -2])
  expect(
    numbers([
      [1, 2],
      [2, 9],
      [5, 1],
      [5, 0],
    ]),
  ).toEqual([1, 0])
  expect(
    numbers([
      [1, 1],
      [2, 11],
      [10, new Uint8Array(Float64Array.of(0.1).buffer)],
    ]),
  ).toEqual([0.1])
})

test('a tensor whose bytes do not fit its shape is refused', () => {
  expect(() =>
    initializer([
      [1, 3],
      [2, 1],
      [9, new Uint8Array(8)],
    ]),
  ).toThrow(/needs 12 bytes of float32, got 8/)
  expect(() =>
    initializer([
      [1, -3],
      [2, 1],
    ]),
  ).toThrow(/has the shape \(-3\)/)
  expect(() =>
    initializer([
      [1, 2 ** 40],
      [1, 2 ** 40],
      [2, 1],
    ]),
  ).toThrow(OnnxError)
})

test('elements that graphs do not know are named', () => {
  expect(() =>
    initializer([
      [1, 2],
      [2, 18],
      [9, new Uint8Array(2)],
    ]),
  ).toThrow(/"w" has elements of ONNX data type 18/)
})

const entry = (key: string, value: string): Message => [
  [1, key],
  [2, value],
]
const external = (location: string, offset = '24'): Message => [
  [1, 2],
  [2, 1],
  [13, entry('location', location)],
  [13, entry('offset', offset)],
  [13, entry('length', '8')],
  [14, 1],
]

test('external data is a byte range of a file in or below the folder of the model', () => {
  expect(initializer(external('weights/a.bin')).data).toEqual({
    kind: 'file',
    path: '/models/weights/a.bin',
    offset: 24,
    length: 8,
  })
})

test('external data outside of the folder of the model is refused', () => {
  for (const location of ['../secret', '/etc/passwd', '/models/a.bin', 'a/../../secret', '', '.', 'a\0b']) {
    expect(() => initializer(external(location))).toThrow(/expected a file in or below the model's folder/)
  }
  expect(() => initializer(external('a.bin', '-4'))).toThrow(
    /needs 8 bytes of "a.bin"; the model says offset -4/,
  )
})

test('an attribute cannot reach the prototype of objects', () => {
  const attribute: Message = [
    [1, '__proto__'],
    [3, 7],
    [20, 2],
  ]
  const node: Message = [
    [4, 'Relu'],
    [5, attribute],
  ]
  const model = decodeOnnx(
    write([
      [8, [[2, 21]]],
      [7, [[1, node]]],
    ]),
    '/models',
  )
  expect(Object.getPrototypeOf(model.nodes[0]?.attributes)).toBe(Object.prototype)
  expect(({} as Record<string, unknown>).value).toBeUndefined()
})

test('a value that two nodes give is refused', () => {
  const node: Message = [
    [4, 'Relu'],
    [1, 'x'],
    [2, 'twice'],
  ]
  const bytes = write([
    [8, [[2, 21]]],
    [
      7,
      [
        [1, node],
        [1, node],
      ],
    ],
  ])
  expect(() => decodeOnnx(bytes, '/models')).toThrow(/two nodes give the value "twice"/)
})

test('sizes that are not fixed keep their names', () => {
  const sides: Message = [
    [1, [[2, 'batch']]],
    [1, [[1, 7]]],
    [1, []],
  ]
  const type: Message = [
    [
      1,
      [
        [1, 7],
        [2, sides],
      ],
    ],
  ]
  const bytes = write([
    [8, [[2, 21]]],
    [
      7,
      [
        [
          11,
          [
            [1, 'ids'],
            [2, type],
          ],
        ],
      ],
    ],
  ])
  expect(decodeOnnx(bytes, '/models').inputs).toEqual([
    { name: 'ids', kind: 'tensor', element: 'int64', sides: ['batch', 7, undefined] },
  ])
})
