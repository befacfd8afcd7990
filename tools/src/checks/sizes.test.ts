import { expect, test } from 'vitest'
import { sizeProblems } from './sizes.js'

const file = 'libs/protocol/src/codec/frame.ts'

test.each([
  ['a default export', 'export default function frame() {}', 'default export'],
  ['an enum', 'export enum Colour { Red }', 'enum'],
  ['a constant enum', 'const enum Colour { Red }', 'enum'],
  ['an annotation of any', 'export const a: any = 3', '"any"'],
  ['a cast to any', 'export const a = b as any', '"any"'],
  ['any as an argument of a type', 'export const a = new Map<string, any>()', '"any"'],
  ['a list of any', 'export const a: readonly string[] | any[] = []', '"any"'],
  ['everything of a file exported again', "export * from './chunks/index2.js'", 'export *'],
  ['everything exported again', "export * from './chunks.js'", 'export *'],
])('%s is reported with its line', (_, text, expected) => {
  expect(sizeProblems([{ path: file, text: `\n${text}\n` }])).toEqual([
    { file, line: 2, message: expect.stringContaining(expected) },
  ])
})

test('an index may hand on what the index of a folder lists', () => {
  expect(sizeProblems([{ path: file, text: "export * from './codec/index.js'\n" }])).toEqual([])
})

test.each([
  ['any in a text', "export const text = 'any: any'"],
  ['any in a comment', '// as any\nexport const a = 2'],
  ['any as a method', 'AbortSignal.any([a, b])'],
  ['any as a property', 'export const rules = { any: 3 }'],
  ['a word that begins with any', 'export const a: anything = 3'],
])('%s is not reported', (_, text) => {
  expect(sizeProblems([{ path: file, text }])).toEqual([])
})

test('a file of 301 lines is reported and one of 300 is not', () => {
  const lines = (count: number): string => 'const a = 2\n'.repeat(count)
  expect(sizeProblems([{ path: file, text: lines(300) }])).toEqual([])
  expect(sizeProblems([{ path: file, text: lines(301) }])).toEqual([
    { file, message: expect.stringContaining('301 lines') },
  ])
})

test.each([
  'libs/protocol/src/utils.ts',
  'libs/protocol/src/codec/helpers.test.ts',
  'apps/agent/src/shared/name.ts',
  'apps/agent/src/base/name.ts',
])('%s has a name that says nothing', (path) => {
  expect(sizeProblems([{ path, text: '' }])).toEqual([
    { file: path, message: expect.stringContaining('says nothing') },
  ])
})

test('a name that only contains a vague word is fine', () => {
  expect(sizeProblems([{ path: 'apps/agent/src/store/bases.ts', text: '' }])).toEqual([])
})

test('a folder in a stage is too deep unless it holds the rules', () => {
  expect(sizeProblems([{ path: 'apps/agent/src/net/out/link.ts', text: '' }])).toHaveLength(1)
  expect(sizeProblems([{ path: 'libs/peft-core/src/differentiate/rules/matmul.ts', text: '' }])).toEqual([])
})
