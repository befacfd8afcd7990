import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { API_FILE, apiProblems, exportedNames, type PublicApi, publicApi } from '@lorica/tools/public-api'
import { readWorkspace } from '@lorica/tools/workspace'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const agreed = JSON.parse(readFileSync(new URL(`../${API_FILE}`, import.meta.url), 'utf8')) as PublicApi

test('each library exports what was agreed on', () => {
  expect(apiProblems(agreed, publicApi(readWorkspace(root))).map(({ message }) => message)).toEqual([])
})

test('the agreed list covers every library and none is empty', () => {
  expect(Object.keys(agreed).toSorted()).toEqual([
    '@lorica/evidence',
    '@lorica/peft-core',
    '@lorica/privacy',
    '@lorica/protocol',
    '@lorica/serving',
  ])
  for (const [library, names] of Object.entries(agreed)) expect(names.length, library).toBeGreaterThan(2)
})

test('a name that goes, comes or becomes a type is reported with the command that agrees to it', () => {
  const before = { '@lorica/protocol': ['limits', 'parser', 'type Reply'] }
  const now = { '@lorica/protocol': ['parser', 'scan', 'Reply'] }
  expect(apiProblems(before, now).map(({ message }) => message)).toEqual([
    '@lorica/protocol no longer exports limits. If that is meant, run npm run api and commit test/public-api.json.',
    '@lorica/protocol no longer exports type Reply. If that is meant, run npm run api and commit test/public-api.json.',
    '@lorica/protocol newly exports scan. If that is meant, run npm run api and commit test/public-api.json.',
    '@lorica/protocol newly exports Reply. If that is meant, run npm run api and commit test/public-api.json.',
  ])
})

test('names that an index hands on from the index of a folder are its own; those that no index lists show as *', () => {
  const file = (path: string, text: string) => ({ path: `libs/a/src/${path}`, text })
  const files = [
    file(
      'index.ts',
      "export * from './part/index.js'\nexport * from './rest.js'\nexport { b } from './b.js'\n",
    ),
    file('part/index.ts', "export { type C, d as e } from './c.js'\n"),
  ]
  const project = { name: '@lorica/a', folder: 'libs/a', tags: [], dependencies: [] }
  const workspace = { ...readWorkspace(root), projects: [project], files }
  expect(publicApi(workspace as never)).toEqual({ '@lorica/a': ['*', 'type C', 'b', 'e'] })
})

test('a library that goes or comes is reported', () => {
  const problems = apiProblems({ '@lorica/old': ['first'] }, { '@lorica/new': ['second'] })
  expect(problems.map(({ message }) => message.split('.')[0])).toEqual([
    '@lorica/new newly exports second',
    '@lorica/old no longer exports first',
  ])
})

test('every form of export is read by the name that others import', () => {
  const text = `
    // export { hidden } from './hidden.js'
    export { zebra, type Ant, bee as wasp } from './animals.js'
    export type { Cat } from './cat.js'
    export const dog = 'export { quoted }'
    export async function elephant() {}
    export interface Fox { readonly age: number }
    export type Goat = 'goat'`
  expect(exportedNames(text)).toEqual([
    'type Ant',
    'type Cat',
    'type Fox',
    'type Goat',
    'dog',
    'elephant',
    'wasp',
    'zebra',
  ])
})
