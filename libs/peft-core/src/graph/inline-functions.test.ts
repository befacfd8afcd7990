import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { describe, expect, test } from 'vitest'
import { reference } from '../runtime/reference.js'
import { decodeOnnx } from './onnx-decode.js'
import { specialise } from './specialise.js'

/** A message of length-delimited and integer fields; a value that is a list is a message of its own. */
type Message = readonly (readonly [field: number, value: Message | string | number])[]

function write(message: Message): Uint8Array {
  const writer = new BinaryWriter()
  for (const [field, value] of message) {
    if (typeof value === 'number') writer.tag(field, WireType.Varint).int64(value)
    else if (typeof value === 'string') writer.tag(field, WireType.LengthDelimited).string(value)
    else writer.tag(field, WireType.LengthDelimited).bytes(write(value))
  }
  return writer.finish()
}

const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  more: Message = [],
): Message => [
  [4, op],
  ...inputs.map((name) => [1, name] as const),
  ...outputs.map((name) => [2, name] as const),
  ...more,
]
const local = [7, 'local'] as const
const set = (version: number, domain = ''): Message => [
  [1, domain],
  [2, version],
]
const floats = (name: string, sides: readonly number[]): Message => [
  [1, name],
  [
    2,
    [
      [
        1,
        [
          [1, 1],
          [2, sides.map((side) => [1, [[1, side]]] as const)],
        ],
      ],
    ],
  ],
]
const intAttribute = (name: string, value: number): Message => [
  [1, name],
  [3, value],
  [20, 2],
]

/** A model from x (2, 3) to y. */
const model = (nodes: readonly Message[], functions: readonly Message[] = [], shape = [2, 3]): Uint8Array =>
  write([
    [8, set(21)],
    [8, set(1, 'local')],
    [7, [...nodes.map((given) => [1, given] as const), [11, floats('x', shape)], [12, floats('y', [2])]]],
    ...functions.map((given) => [25, given] as const),
  ])

async function run(bytes: Uint8Array, shape = [2, 3]): Promise<readonly number[]> {
  const graph = specialise(decodeOnnx(bytes, '/'), { shapes: new Map([['x', shape]]), outputs: ['y'] })
  const feed = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, at) => at + 0.5)
  const results = await (await reference.open(graph)).run(new Map([['x', feed]]))
  return Array.from(results.get('y')?.data ?? [])
}

const functionOf = (
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  nodes: readonly Message[],
  more: Message = [],
): Message => [
  [1, name],
  [10, 'local'],
  ...inputs.map((given) => [4, given] as const),
  ...outputs.map((given) => [5, given] as const),
  ...nodes.map((given) => [7, given] as const),
  ...more,
]

describe('functions of a model', () => {
  // the sum over an axis that the caller states, of operator set 11, where axes are an attribute
  const summed = functionOf(
    'Summed',
    ['a'],
    ['b'],
    [
      node(
        'ReduceSum',
        ['a'],
        ['mid'],
        [
          [
            5,
            [
              [1, 'axes'],
              [20, 7],
              [21, 'over'],
            ],
          ],
          [5, intAttribute('keepdims', 0)],
        ],
      ),
      node('Neg', ['mid'], ['b']),
    ],
    [
      [6, 'over'],
      [9, set(11)],
    ],
  )
  const over = (axis: number): Message => [
    local,
    [
      5,
      [
        [1, 'over'],
        [8, axis],
        [20, 7],
      ],
    ],
  ]

  test('are replaced by what they do, with the attributes of the call', async () => {
    expect(await run(model([node('Summed', ['x'], ['y'], over(1))], [summed]))).toEqual([-4.5, -13.5])
    expect(await run(model([node('Summed', ['x'], ['y'], over(0))], [summed]))).toEqual([-4, -6, -8])
  })

  test('call each other, and are called twice without their values getting mixed up', async () => {
    const both = functionOf(
      'Both',
      ['a'],
      ['c'],
      [node('Summed', ['a'], ['mid'], over(1)), node('Mul', ['mid', 'mid'], ['c'])],
      [
        [9, set(21)],
        [9, set(1, 'local')],
      ],
    )
    const nodes = [
      node('Both', ['x'], ['first'], [local]),
      node('Neg', ['x'], ['opposite']),
      node('Summed', ['opposite'], ['second'], over(1)),
      node('Sub', ['first', 'second'], ['y']),
    ]
    expect(await run(model(nodes, [summed, both]))).toEqual([4.5 ** 2 - 4.5, 13.5 ** 2 - 13.5])
  })

  test('that call themselves are refused', () => {
    const endless = functionOf('Endless', ['a'], ['b'], [node('Endless', ['a'], ['b'], [local])])
    const bytes = model([node('Endless', ['x'], ['y'], [local])], [endless])
    expect(() => decodeOnnx(bytes, '/')).toThrow('function local.Endless within itself')
  })
})

describe('a branch', () => {
  const branch = (name: string, op: string): Message => [
    [1, name],
    [
      6,
      [
        [1, node(op, ['x'], ['inner'])],
        [1, node('ReduceSum', ['inner', 'axis'], ['result'], [[5, intAttribute('keepdims', 0)]])],
        [12, [[1, 'result']]],
      ],
    ],
    [20, 5],
  ]
  const axis: Message = node(
    'Constant',
    [],
    ['axis'],
    [
      [
        5,
        [
          [1, 'value_ints'],
          [8, 1],
          [20, 7],
        ],
      ],
    ],
  )
  const choice = node(
    'If',
    ['empty'],
    ['y'],
    [
      [5, branch('then_branch', 'Neg')],
      [5, branch('else_branch', 'Exp')],
    ],
  )
  const isShort = [
    node('Size', ['x'], ['size']),
    node(
      'Constant',
      [],
      ['limit'],
      [
        [
          5,
          [
            [1, 'value_int'],
            [3, 7],
            [20, 2],
          ],
        ],
      ],
    ),
    node('Less', ['size', 'limit'], ['empty']),
  ]

  test('is taken as the sizes say', async () => {
    expect(await run(model([axis, ...isShort, choice]))).toEqual([-4.5, -13.5])
    const long = await run(model([axis, ...isShort, choice], [], [2, 4]), [2, 4])
    expect(long[0]).toBeCloseTo(
      [0.5, 1.5, 2.5, 3.5].reduce((sum, x) => sum + Math.exp(x), 0),
      9,
    )
  })

  test('that depends on the data is refused by name', async () => {
    const signed = [
      node('ReduceSum', ['x'], ['sum']),
      node('Cast', ['sum'], ['empty'], [[5, intAttribute('to', 9)]]),
    ]
    await expect(run(model([axis, ...signed, choice]))).rejects.toThrow(
      'If "y" chooses by "empty", which depends on the data',
    )
  })

  test('that is not taken may hold what is not supported', async () => {
    const other = node(
      'If',
      ['empty'],
      ['y'],
      [
        [5, branch('then_branch', 'Neg')],
        [5, branch('else_branch', 'Unheard')],
      ],
    )
    expect(await run(model([axis, ...isShort, other]))).toEqual([-4.5, -13.5])
    await expect(run(model([axis, ...isShort, other], [], [2, 4]), [2, 4])).rejects.toThrow(
      'Unheard (1, first at',
    )
  })
})

test('the parts of a sequence are values of their own', async () => {
  const nodes = [
    node(
      'Constant',
      [],
      ['two'],
      [
        [
          5,
          [
            [1, 'value_int'],
            [3, 2],
            [20, 2],
          ],
        ],
      ],
    ),
    node(
      'Constant',
      [],
      ['one'],
      [
        [
          5,
          [
            [1, 'value_int'],
            [3, 1],
            [20, 2],
          ],
        ],
      ],
    ),
    node('SplitToSequence', ['x', 'two'], ['parts'], [[5, intAttribute('axis', 1)]]),
    node('SequenceAt', ['parts', 'one'], ['y']),
  ]
  expect(await run(model(nodes))).toEqual([2.5, 5.5])
})
