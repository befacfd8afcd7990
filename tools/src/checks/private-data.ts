/**
 * The privacy boundary of the agent: what reads private data has no way to the network, neither itself nor through what it
 * imports, and neither have the libraries that it hands the data to.
 *
 * What may be imported is a list of what is allowed, not of what is forbidden: a module that nobody thought of is a problem.
 * @module
 */
import { builtinModules } from 'node:module'
import { codeOf, lineAt } from './code.js'
import type { Problem } from './problem.js'
import { isTest, type SourceGraph, type SourceNode } from './source-graph.js'

const PRIVATE = 'apps/agent/src/private/'
const NETWORK = 'apps/agent/src/net/'
const LIBRARIES = 'libs/'
/** The library that answers clients over HTTP. It is not among the packages that readers of private data may import. */
const ANSWERING = 'libs/serving/src/'

/** Modules of Node without a way to the network, to another process or thread, or to modules by a computed name. */
const HARMLESS = [
  'buffer',
  'crypto',
  'events',
  'fs',
  'fs/promises',
  'os',
  'path',
  'stream',
  'stream/promises',
  'string_decoder',
  'timers',
  'timers/promises',
  'url',
  'util',
  'zlib',
]
const PACKAGES = ['@lorica/peft-core', '@lorica/privacy', '@lorica/protocol', 'zod']

/** What the readers themselves may take from `fs`: nothing that writes. `open` is held to a literal 'r'. */
const READING = [
  'access',
  'createReadStream',
  'existsSync',
  'lstat',
  'open',
  'readdir',
  'readFile',
  'realpath',
  'stat',
]
/** An import of names from `fs`. */
const NAMES = /\bimport\s*(?:type\s*)?\{([^{}]*)\}\s*from\s*['"](?:node:)?fs(?:\/promises)?['"]/g
const NETWORKING = ['net', 'http', 'https', 'http2', 'tls', 'dgram', 'dns', 'inspector', 'cluster', 'repl']
const NETWORK_PACKAGES = /^(?:socket\.io|engine\.io|undici|ws$|fastify|axios|got$|node-fetch)/
const GLOBALS =
  /\b(?:fetch|WebSocket|WebSocketStream|WebTransport|EventSource|XMLHttpRequest|sendBeacon|RTCPeerConnection)\b/g
/** Ways around an import, and out of the process. */
const DETOURS =
  /\b(?:globalThis|global|eval|Function|getBuiltinModule|BroadcastChannel|postMessage)\b|\bprocess\s*(?:\.\s*(?:binding|dlopen|_linkedBinding|send|emit|report)\b|\[)/g
/** Where people and logs read. */
const PRINTING = /\bconsole\b|\bprocess\s*\.\s*(?:stdout|stderr|emitWarning)\b/g

/**
 * Ways from a file under `private/` to the network, through any number of the agent's own files; a reader that writes or
 * prints; a library with a way to the network.
 */
export function privateDataProblems(graph: SourceGraph): readonly Problem[] {
  const sources = [...graph.values()].filter(({ path }) => !isTest(path))
  const readers = sources.filter(({ path }) => path.startsWith(PRIVATE))
  return [
    ...readers.flatMap(({ path }) => waysOut(path, graph)),
    ...readers.flatMap(writing),
    ...sources
      .filter(({ path }) => /^libs\/[^/]+\/src\//.test(path) && !path.startsWith(ANSWERING))
      .flatMap(networking),
  ]
}

function waysOut(start: string, graph: SourceGraph): readonly Problem[] {
  const problems: Problem[] = []
  const ways: string[][] = [[start]]
  const seen = new Set([start])
  for (const way of ways) {
    const path = way.at(-1) ?? start
    const file = graph.get(path)
    if (file === undefined) continue
    const report = (line: number, what: string): void => {
      const message = `private data never meets the network: ${what}${way.length > 1 ? ` (${way.join(' -> ')})` : ''}. Return a value instead.`
      problems.push({ file: path, line, message })
    }
    for (const { specifier, target, line } of file.imports) {
      if (specifier === '') report(line, 'a module whose name is computed could be anything')
      else if (!isHarmless(specifier) || target?.startsWith(NETWORK)) report(line, `imports "${specifier}"`)
      else if (target !== undefined && !target.startsWith(LIBRARIES) && !seen.has(target)) {
        seen.add(target)
        ways.push([...way, target])
      }
    }
    for (const { line, word } of [...found(file, GLOBALS), ...found(file, DETOURS)])
      report(line, `uses ${word}`)
  }
  return problems
}

function isHarmless(specifier: string): boolean {
  if (specifier.startsWith('.')) return true
  return PACKAGES.includes(specifier) || HARMLESS.includes(specifier.replace(/^node:/, ''))
}

/** Where a reader of private data writes or prints. */
function writing(file: SourceNode): readonly Problem[] {
  const problem = (line: number, what: string): Problem => ({
    file: file.path,
    line,
    message: `what reads private data neither writes nor prints: ${what}. Return a value instead.`,
  })
  const files = file.imports.filter(({ specifier }) => /^(?:node:)?fs(?:\/promises)?$/.test(specifier))
  const clauses = [...file.text.matchAll(NAMES)]
  const whole = files.slice(clauses.length).map(({ line }) => problem(line, 'takes a whole module of files'))
  const taken = clauses.flatMap((clause) =>
    namesIn(clause[1] as string)
      .filter((name) => !READING.includes(name))
      .map((name) => problem(lineAt(file.text, clause.index), `takes "${name}"`)),
  )
  const opened = found(file, /\bopen\s*\(/g)
    .filter(({ at }) => !/^open\s*\([^()]*,\s*'r'\s*\)/.test(file.text.slice(at)))
    .map(({ line }) => problem(line, "opens a file other than with 'r'"))
  const printed = found(file, PRINTING).map(({ line, word }) => problem(line, `uses ${word}`))
  return [...whole, ...taken, ...opened, ...printed]
}

/** The names of an import, each with the one that it is given instead, which no reader needs. */
function namesIn(clause: string): readonly string[] {
  const names = clause.split(',').map((name) => name.trim().replaceAll(/\s+/g, ' '))
  return names.filter((name) => name !== '')
}

/** Where a library, which is handed private data, has a way to the network. */
function networking(file: SourceNode): readonly Problem[] {
  const imports = file.imports.filter(({ specifier }) => reachesNetwork(specifier))
  return [
    ...imports.map(({ line, specifier }) => ({ line, what: `imports "${specifier}"` })),
    ...found(file, GLOBALS).map(({ line, word }) => ({ line, what: `uses ${word}` })),
  ].map(({ line, what }) => ({
    file: file.path,
    line,
    message: `a library has no way to the network, for it is handed private data: ${what}.`,
  }))
}

function reachesNetwork(specifier: string): boolean {
  const name = specifier.replace(/^node:/, '').split('/')[0] as string
  const isBuiltin = builtinModules.includes(name)
  return isBuiltin ? NETWORKING.includes(name) : NETWORK_PACKAGES.test(specifier)
}

function found(file: SourceNode, words: RegExp) {
  return [...codeOf(file.text).matchAll(words)].map((match) => ({
    at: match.index,
    line: lineAt(file.text, match.index),
    word: match[0],
  }))
}
