/**
 * The nodes of a model with each call of one of its functions replaced by the function's nodes.
 * Spec: https://onnx.ai/onnx/repo-docs/IR.html#functions
 * @module
 */
import type { Attributes } from './graph.js'
import { OnnxError } from './onnx-error.js'
import type { OnnxFunction, OnnxNode } from './onnx-model.js'
import { renamed } from './rename-nodes.js'

/** Functions within functions, at most. */
const MAX_DEPTH = 32

/** Nodes after all calls are replaced, at most. */
const MAX_NODES = 1_000_000

type Functions = ReadonlyMap<string, OnnxFunction>

/** Replaces calls, those inside of functions too. OnnxError when functions call each other in a circle. */
export function inlineFunctions(
  nodes: readonly OnnxNode[],
  functions: readonly OnnxFunction[],
): readonly OnnxNode[] {
  if (functions.length === 0) return nodes
  const known = new Map(functions.map((given) => [keyOf(given.domain, given.name, given.overload), given]))
  return inlineAll(nodes, known, 0)
}

const keyOf = (domain: string, name: string, overload = ''): string => `${domain}::${name}::${overload}`

function inlineAll(nodes: readonly OnnxNode[], functions: Functions, depth: number): readonly OnnxNode[] {
  const result: OnnxNode[] = []
  for (const node of nodes) {
    const called = functions.get(keyOf(node.domain, node.op, node.overload))
    if (called === undefined) result.push(withBranches(node, functions, depth))
    else for (const part of bodyOf(node, called, functions, depth)) result.push(part)
    if (result.length > MAX_NODES) throw tooLarge(`more than ${MAX_NODES} nodes`)
  }
  return result
}

function withBranches(node: OnnxNode, functions: Functions, depth: number): OnnxNode {
  if (node.subgraphs === undefined || node.subgraphs.size === 0) return node
  const subgraphs = [...node.subgraphs].map(
    ([name, graph]) => [name, { ...graph, nodes: inlineAll(graph.nodes, functions, depth) }] as const,
  )
  return { ...node, subgraphs: new Map(subgraphs) }
}

function bodyOf(
  call: OnnxNode,
  called: OnnxFunction,
  functions: Functions,
  depth: number,
): readonly OnnxNode[] {
  if (depth > MAX_DEPTH) throw tooLarge(`function ${called.domain}.${called.name} within itself`)
  const names = new Map<string, string>()
  for (const [at, name] of called.inputs.entries()) names.set(name, call.inputs[at] ?? '')
  for (const [at, name] of called.outputs.entries()) {
    const output = call.outputs[at]
    if (output) names.set(name, output)
  }
  const prefix = call.name === '' ? (call.outputs.find((name) => name !== '') ?? call.op) : call.name
  const given: Attributes = { ...Object.fromEntries(called.defaults), ...call.attributes }
  const body = called.nodes.map((node) => withAttributes(node, given, called))
  return inlineAll(renamed(body, { names, prefix }), functions, depth + 1).map((node) => ({
    ...node,
    metadata: new Map([...call.metadata, ...node.metadata]),
  }))
}

/** The node with the attributes of the call in the places that refer to them; one that the call does not give is left out. */
function withAttributes(node: OnnxNode, given: Attributes, { operatorSets }: OnnxFunction): OnnxNode {
  const filled = [...(node.references ?? [])].flatMap(([name, reference]) => {
    const value = Object.hasOwn(given, reference) ? given[reference] : undefined
    return value === undefined ? [] : [[name, value] as const]
  })
  const version = operatorSets.get(node.domain)
  return {
    ...node,
    attributes: { ...node.attributes, ...Object.fromEntries(filled) },
    references: new Map(),
    ...(version === undefined ? {} : { version }),
  }
}

function tooLarge(what: string): OnnxError {
  return new OnnxError('malformed', `not a usable ONNX model: its functions make ${what}`)
}
