import type { Edges } from './formula.js'
import type { Node, Weight } from './graph.js'

/** One node for several. */
export interface Fusion {
  /** The nodes that go, the one that gives the result among them. */
  readonly nodes: ReadonlySet<Node>
  /** The value that stays. */
  readonly result: string
  readonly node: Pick<Node, 'op' | 'domain' | 'inputs' | 'attributes'>
  /** Weights that the new node needs. */
  readonly weights?: readonly Weight[]
}

/** Finds the pieces around a node that only they are made of: `undefined` when there are none. */
export type FusionRule = (edges: Edges, node: Node) => Fusion | undefined
