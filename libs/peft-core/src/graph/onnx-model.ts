/**
 * What an ONNX file says, before anything is made of it: sizes may be symbols, operators may be of any set.
 * Spec: https://onnx.ai/onnx/repo-docs/IR.html
 * @module
 */
import type { Attribute, Attributes, Element, Weight } from './graph.js'

/** An input or output. A side is a number, the name of a size that is not fixed, or undefined when nothing is said. */
export interface OnnxValue {
  readonly name: string
  /** 'tensor', or the kind of type that is not a tensor. */
  readonly kind: 'tensor' | 'sequence' | 'map' | 'optional' | 'sparse tensor' | 'unknown'
  readonly element: Element | undefined
  /** Undefined when even the number of sides is not stated. */
  readonly sides: readonly (number | string | undefined)[] | undefined
}

export interface OnnxNode {
  readonly name: string
  readonly op: string
  /** '' for the standard operators. */
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
  /** What is in attributes that graphs cannot hold, by attribute name: 'graph', 'sparse tensor', 'type'. */
  readonly opaque: ReadonlyMap<string, string>
  readonly metadata: ReadonlyMap<string, string>
  /** The graphs among the attributes: the branches of `If`. */
  readonly subgraphs?: ReadonlyMap<string, OnnxSubgraph>
  /** In the body of a function, the function's attributes that stand for the node's own. */
  readonly references?: ReadonlyMap<string, string>
  readonly overload?: string
  /** The version of the node's operator set, when it is not the model's. */
  readonly version?: number
}

/** A graph inside of a node. It may also read values of the graph around it. */
export interface OnnxSubgraph {
  readonly nodes: readonly OnnxNode[]
  readonly initializers: ReadonlyMap<string, Weight>
  readonly outputs: readonly string[]
}

/** An operator that a model defines by other operators. */
export interface OnnxFunction {
  readonly domain: string
  readonly name: string
  readonly overload: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly nodes: readonly OnnxNode[]
  readonly defaults: ReadonlyMap<string, Attribute>
  readonly operatorSets: ReadonlyMap<string, number>
}

export interface OnnxModel {
  readonly irVersion: number
  /** The version of each operator set that the model imports, by domain. */
  readonly operatorSets: ReadonlyMap<string, number>
  readonly producer: string
  /** Inputs that have to be fed; those that have an initializer are not among them. */
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  readonly initializers: ReadonlyMap<string, Weight>
  /** Calls of the model's own functions are replaced by what the functions do. */
  readonly nodes: readonly OnnxNode[]
  readonly metadata: ReadonlyMap<string, string>
}
