import { expect, test } from 'vitest'
import { createBuilder } from './builder.js'
import { ints } from './graph.js'
import { peakActivationBytes } from './liveness.js'

test('a value is counted from its node to its last use', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [10]) // inputs are not counted
  const a = builder.op('Exp', [x]) // 40 bytes
  const b = builder.op('Neg', [a]) // 80
  const c = builder.op('Neg', [b]) // 120, then 80 without b
  const d = builder.op('Concat', [c, a], { attributes: { axis: { kind: 'int', value: 0 } } }) // 160, then 80
  builder.output(builder.op('ReduceSum', [d], { attributes: { axes: ints([0]) } }))
  expect(peakActivationBytes(builder.build())).toBe(160)
})

test('outputs of the graph are kept to the end, whatever their element', () => {
  const builder = createBuilder()
  const ids = builder.input('ids', 'int64', [7])
  builder.output(builder.op('Add', [ids, ids])) // 56 bytes
  const small = builder.op('Cast', [ids], { attributes: { to: { kind: 'int', value: 9 } } }) // 7 of bool
  builder.output(builder.op('Not', [small])) // 7
  expect(peakActivationBytes(builder.build())).toBe(70)
})
