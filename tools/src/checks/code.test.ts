import { expect, test } from 'vitest'
import { codeOf, lineAt } from './code.js'

test.each([
  ['a line comment', "a // 'b'\nc", 'a       \nc'],
  ['a block comment', 'a /* b\nc */ d', 'a     \n     d'],
  ['a string', "f('a\\'b', \"//\")", 'f(\'    \', "  ")'],
  ['a template with code inside', '`a${b + `c${d}`}e`', '` ${b + ` ${d}`} `'],
  ['an object inside a template', '`${{ a: 1 }.a} b` + c', '`${{ a: 1 }.a}  ` + c'],
  ['a regular expression with quotes', "x = /['\"/]\\/'/g; y", 'x = /        /g; y'],
  ['a pattern that is returned', 'return /"/', 'return / /'],
  ['a division', "a / b / 'c'", "a / b / ' '"],
  ['a division after a call', "f(x) / 2 // 'c'", 'f(x) / 2       '],
])('%s keeps its code and loses its text', (_, text, expected) => {
  expect(codeOf(text)).toBe(expected)
})

test('characters beyond the basic plane keep every position', () => {
  const text = "const face = '😀' // 😀\nnext"
  expect(codeOf(text)).toHaveLength(text.length)
  expect(codeOf(text).indexOf('next')).toBe(text.indexOf('next'))
})

test('a position is on the line that an editor shows', () => {
  expect(lineAt('one\ntwo\nthree', 9)).toBe(3)
  expect(lineAt('one\ntwo\nthree', 5)).toBe(2)
})
