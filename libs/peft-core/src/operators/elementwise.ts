/**
 * Operators that work on each element alone, with NumPy broadcasting.
 * @module
 */
import { broadcastShape, type Element, floatOf, intOf, type Node, sizeOf, textOf } from '../graph/graph.js'
import { type Constant, type Operator, type Operators, required } from './operator.js'

type Numbers = Pick<Node, 'attributes'>

/** For each element of `to`, the flat index of the element of `from` that broadcasts onto it. */
export function broadcastIndices(from: readonly number[], to: readonly number[]): Int32Array {
  const indices = new Int32Array(sizeOf(to))
  const offset = to.length - from.length
  const strides = from.map((side, axis) => (side === 1 ? 0 : sizeOf(from.slice(axis + 1))))
  for (let flat = 0; flat < indices.length; flat++) {
    let rest = flat
    let index = 0
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const side = to[axis] as number
      const position = rest % side
      rest = (rest - position) / side
      if (axis >= offset) index += position * (strides[axis - offset] as number)
    }
    indices[flat] = index
  }
  return indices
}

function unary(compute: (x: number, node: Numbers) => number, element?: Element): Operator {
  return {
    infer: ({ node, inputs }) => {
      const input = required(inputs, 0, node.op)
      return [{ element: element ?? input.element, shape: input.shape }]
    },
    evaluate: (node, inputs) => {
      const input = required(inputs, 0, node.op)
      return [
        {
          element: element ?? input.element,
          shape: input.shape,
          data: input.data.map((x) => compute(x, node)),
        },
      ]
    },
  }
}

/** What a pair of numbers becomes; `element` is that of the inputs. */
type Pairwise = (a: number, b: number, element: Element, node: Numbers) => number

function variadic(compute: Pairwise, element?: Element): Operator {
  const fold = (node: Numbers, left: Constant, right: Constant): Constant => {
    const shape = broadcastShape(left.shape, right.shape)
    const l = broadcastIndices(left.shape, shape)
    const r = broadcastIndices(right.shape, shape)
    const data = Float64Array.from(l, (at, flat) =>
      compute(left.data[at] as number, right.data[r[flat] as number] as number, left.element, node),
    )
    return { element: element ?? left.element, shape, data }
  }
  return {
    infer: ({ node, inputs }) => {
      const first = required(inputs, 0, node.op)
      const shape = inputs.reduce<readonly number[]>((so, input, index) => {
        const other = required(inputs, index, node.op)
        if (other.element !== first.element) {
          throw new TypeError(`expected inputs of one element, got ${first.element} and ${other.element}`)
        }
        return broadcastShape(so, input?.shape ?? [])
      }, [])
      return [{ element: element ?? first.element, shape }]
    },
    evaluate: (node, inputs) => {
      const all = inputs.map((_, index) => required(inputs, index, node.op))
      const [first, ...rest] = all
      if (first === undefined) throw new TypeError(`${node.op} expects inputs`)
      return [rest.reduce((so, next) => fold(node, so, next), first)]
    },
  }
}

/** Pow keeps the element of its base; the exponent may have another. */
const pow: Operator = {
  infer: ({ node, inputs }) => {
    const base = required(inputs, 0, node.op)
    return [{ element: base.element, shape: broadcastShape(base.shape, required(inputs, 1, node.op).shape) }]
  },
  evaluate: variadic((x, y) => x ** y).evaluate,
}

const where: Operator = {
  infer: ({ node, inputs }) => {
    const [condition, yes, no] = [0, 1, 2].map((index) => required(inputs, index, node.op))
    if (condition === undefined || yes === undefined || no === undefined)
      throw new TypeError('Where expects 3 inputs')
    return [
      { element: yes.element, shape: broadcastShape(condition.shape, broadcastShape(yes.shape, no.shape)) },
    ]
  },
  evaluate: (node, inputs) => {
    const condition = required(inputs, 0, node.op)
    const yes = required(inputs, 1, node.op)
    const no = required(inputs, 2, node.op)
    const shape = broadcastShape(condition.shape, broadcastShape(yes.shape, no.shape))
    const [c, y, n] = [condition, yes, no].map((input) => broadcastIndices(input.shape, shape))
    const data = Float64Array.from({ length: sizeOf(shape) }, (_, flat) =>
      condition.data[c?.[flat] as number] !== 0
        ? (yes.data[y?.[flat] as number] as number)
        : (no.data[n?.[flat] as number] as number),
    )
    return [{ element: yes.element, shape, data }]
  },
}

/** ONNX TensorProto.DataType numbers, https://onnx.ai/onnx/repo-docs/IR.html#standard-data-types */
export const elementNumbers: Readonly<Record<Element, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
  uint4: 21,
  int4: 22,
}

export function elementOfNumber(number: number): Element {
  for (const [element, value] of Object.entries(elementNumbers))
    if (value === number) return element as Element
  throw new TypeError(
    `element type number ${number} is not supported; expected one of ${Object.values(elementNumbers).join(', ')}`,
  )
}

export function isFloat(element: Element): boolean {
  return element === 'float32' || element === 'float64' || element === 'float16' || element === 'bfloat16'
}

function castNumber(x: number, to: Element): number {
  if (to === 'bool') return x === 0 ? 0 : 1
  if (to === 'uint4') return Math.trunc(x) & 15
  if (to === 'int4') return ((Math.trunc(x) & 15) ^ 8) - 8
  return isFloat(to) ? x : Math.trunc(x)
}

const cast: Operator = {
  infer: ({ node, inputs }) => [
    { element: elementOfNumber(intOf(node, 'to', 1)), shape: required(inputs, 0, node.op).shape },
  ],
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const element = elementOfNumber(intOf(node, 'to', 1))
    return [{ element, shape: input.shape, data: input.data.map((x) => castNumber(x, element)) }]
  },
}

const clip: Operator = {
  infer: ({ node, inputs }) =>
    [required(inputs, 0, node.op)].map(({ element, shape }) => ({ element, shape })),
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const low = inputs[1]?.data[0] ?? -Infinity
    const high = inputs[2]?.data[0] ?? Infinity
    return [{ ...input, data: input.data.map((x) => Math.min(Math.max(x, low), high)) }]
  },
}

/** erf by its Maclaurin series for small arguments and a continued fraction for large ones; about 1e-15. */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (a > 6) return Math.sign(x)
  if (a < 3) {
    let term = a
    let sum = a
    for (let n = 1; n < 80; n++) {
      term *= (-a * a) / n
      sum += term / (2 * n + 1)
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI)
  }
  let fraction = 0
  for (let k = 60; k > 0; k--) fraction = k / 2 / (a + fraction)
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + fraction) * Math.sqrt(Math.PI)))
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const geluErf = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2))
const geluTanh = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
const divide = (x: number, y: number, element: Element): number =>
  isFloat(element) ? x / y : Math.trunc(x / y)

/** The remainder has the sign of the divisor, or with `fmod` that of the dividend. */
const remainder: Pairwise = (x, y, _, node) =>
  intOf(node, 'fmod', 0) === 1 ? x % y : x - y * Math.floor(x / y)

const isInfinite = (x: number, node: Numbers): number =>
  Number(
    (x === Infinity && intOf(node, 'detect_positive', 1) === 1) ||
      (x === -Infinity && intOf(node, 'detect_negative', 1) === 1),
  )

export const elementwise: Operators = {
  Add: variadic((x, y) => x + y),
  Sub: variadic((x, y) => x - y),
  Mul: variadic((x, y, element) => (element === 'int32' ? Math.imul(x, y) : x * y)),
  Div: variadic(divide),
  Mod: variadic(remainder),
  Pow: pow,
  Max: variadic((x, y) => Math.max(x, y)),
  Min: variadic((x, y) => Math.min(x, y)),
  Sum: variadic((x, y) => x + y),
  Equal: variadic((x, y) => Number(x === y), 'bool'),
  Less: variadic((x, y) => Number(x < y), 'bool'),
  LessOrEqual: variadic((x, y) => Number(x <= y), 'bool'),
  Greater: variadic((x, y) => Number(x > y), 'bool'),
  GreaterOrEqual: variadic((x, y) => Number(x >= y), 'bool'),
  And: variadic((x, y) => Number(x !== 0 && y !== 0), 'bool'),
  Or: variadic((x, y) => Number(x !== 0 || y !== 0), 'bool'),
  Xor: variadic((x, y) => Number((x !== 0) !== (y !== 0)), 'bool'),
  Not: unary((x) => Number(x === 0), 'bool'),
  IsNaN: unary((x) => Number(Number.isNaN(x)), 'bool'),
  IsInf: unary(isInfinite, 'bool'),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Sign: unary(Math.sign),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Tanh: unary(Math.tanh),
  Sigmoid: unary(sigmoid),
  Erf: unary(erf),
  Relu: unary((x) => Math.max(x, 0)),
  LeakyRelu: unary((x, node) => (x < 0 ? floatOf(node, 'alpha', 0.01) * x : x)),
  Softplus: unary((x) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0)),
  Reciprocal: unary((x) => 1 / x),
  Cos: unary(Math.cos),
  Sin: unary(Math.sin),
  Identity: unary((x) => x),
  Gelu: unary((x, node) => (textOf(node, 'approximate', 'none') === 'tanh' ? geluTanh(x) : geluErf(x))),
  Cast: cast,
  Clip: clip,
  Where: where,
}

/** `com.microsoft` operators: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md */
export const elementwiseContrib: Operators = {
  Gelu: unary(geluErf),
  FastGelu: {
    infer: ({ node, inputs }) =>
      [required(inputs, 0, node.op)].map(({ element, shape }) => ({ element, shape })),
    evaluate: (node, inputs) => {
      const input = required(inputs, 0, node.op)
      const bias = inputs[1]
      const added =
        bias === undefined ? input : (elementwise.Add as Operator).evaluate(node, [input, bias])[0]
      return [{ ...input, data: (added as Constant).data.map(geluTanh) }]
    },
  },
  QuickGelu: unary((x, node) => x * sigmoid(floatOf(node, 'alpha', 1.702) * x)),
}
