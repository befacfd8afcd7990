/**
 * The privacy boundary of the agent: what reads private data has no way to the network, neither itself nor through what it imports.
 * @module
 */
import { codeOf, lineAt } from './code.js'
import type { Problem } from './problem.js'
import { isTest, type SourceGraph } from './source-graph.js'

const PRIVATE = 'apps/agent/src/private/'
const NETWORK = 'apps/agent/src/net/'
const MODULES = [
  'net',
  'http',
  'https',
  'http2',
  'tls',
  'dgram',
  'dns',
  'child_process',
  'worker_threads',
  'cluster',
]
const PACKAGES = ['socket.io-client', 'socket.io', 'engine.io-client', 'undici', 'ws', 'fastify']
const GLOBALS = /\b(?:fetch|WebSocket|EventSource|XMLHttpRequest|sendBeacon)\b/g

/** Ways from a file under `private/` to the network, through any number of the agent's own files. */
export function privateDataProblems(graph: SourceGraph): readonly Problem[] {
  const starts = [...graph.keys()].filter((path) => path.startsWith(PRIVATE) && !isTest(path))
  return starts.flatMap((start) => waysOut(start, graph))
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
      if (reachesNetwork(specifier) || target?.startsWith(NETWORK)) report(line, `imports "${specifier}"`)
      else if (target !== undefined && !seen.has(target)) {
        seen.add(target)
        ways.push([...way, target])
      }
    }
    for (const match of codeOf(file.text).matchAll(GLOBALS))
      report(lineAt(file.text, match.index), `uses ${match[0]}`)
  }
  return problems
}

function reachesNetwork(specifier: string): boolean {
  const name = specifier.replace(/^node:/, '').split('/')[0] ?? ''
  return MODULES.includes(name) || PACKAGES.includes(specifier)
}
