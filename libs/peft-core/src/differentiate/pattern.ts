import type { GraphBuilder } from '../graph/builder.js'
import type { Node, Value } from '../graph/graph.js'

/** A node that may be the last of several that are better differentiated together. */
export interface PatternCall {
  readonly builder: GraphBuilder
  readonly node: Node
  /** The node of the forward pass that gives each value. */
  readonly producers: ReadonlyMap<string, Node>
  readonly active: ReadonlySet<string>
  /** Parameters whose gradients are told apart by example: only single products give them. */
  readonly apart: ReadonlySet<string>
  /** The gradient of the node's first output. */
  readonly gradient: Value | undefined
}

/** Gives the gradients of what the whole pattern reads, by name; undefined when the node does not end one. */
export type PatternRule = (call: PatternCall) => readonly (readonly [string, Value])[] | undefined
