import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const sources = resolve(import.meta.dirname, '..')
const networking =
  /^(node:)?(net|tls|dgram|http|https|http2|dns|inspector|cluster)(\/.*)?$|socket\.io|^ws$|undici/
const globals = /\b(fetch|WebSocket|EventSource|XMLHttpRequest|sendBeacon)\s*\(/

test('what reads private data reaches no networking, through any of its imports', () => {
  expect(violations(startFiles())).toEqual([])
})

test('an import of the link is found, also behind another file', () => {
  const read = (path: string): string => {
    if (path === join(sources, 'private/a.ts')) return "import { b } from '../b.js'\n"
    if (path === join(sources, 'b.ts')) return "export { openLink as b } from './net/link.js'\n"
    return "import { io } from 'socket.io-client'\n"
  }
  expect(violations([join(sources, 'private/a.ts')], read)).toEqual([
    'b.ts imports net/link.ts',
    'net/link.ts imports socket.io-client',
  ])
})

test('a global that opens a connection is found', () => {
  const found = violations([join(sources, 'private/a.ts')], () => "await fetch('http://127.0.0.1')\n")
  expect(found).toEqual(['private/a.ts calls fetch'])
})

function startFiles(): readonly string[] {
  const names = readdirSync(join(sources, 'private')).filter(
    (name) => /\.ts$/.test(name) && !/\.test\.ts$/.test(name),
  )
  expect(names.sort()).toEqual(['batches.ts', 'documents.ts', 'fault.ts', 'overlap.ts', 'sample.ts'])
  return names.map((name) => join(sources, 'private', name))
}

function violations(
  files: readonly string[],
  read = (path: string) => readFileSync(path, 'utf8'),
): readonly string[] {
  const found: string[] = []
  const seen = new Set<string>()
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    const text = read(path)
    const name = relative(sources, path)
    const called = globals.exec(text)?.[1]
    if (called !== undefined) found.push(`${name} calls ${called}`)
    for (const [, specifier = ''] of text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      if (!specifier.startsWith('.')) {
        if (networking.test(specifier)) found.push(`${name} imports ${specifier}`)
        continue
      }
      const target = resolve(dirname(path), specifier.replace(/\.js$/, '.ts'))
      if (relative(sources, target).startsWith('net/'))
        found.push(`${name} imports ${relative(sources, target)}`)
      visit(target)
    }
  }
  for (const file of files) visit(file)
  return found
}
