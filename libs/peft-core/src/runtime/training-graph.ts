import type { PeftConfig } from '../adapter/peft-config.js'
import type { SideRanks } from '../adapter/side.js'
import type { Starts } from '../adapter/start-factors.js'
import type { Recompute } from '../differentiate/recompute.js'
import type { Graph } from '../graph/graph.js'
import type { NewHead } from '../source/new-head.js'
import type { Task } from '../source/task.js'
import type { BatchSize } from '../train/batch.js'

/** The model to train or to run, and the size of the batches it will most often see. */
export interface EngineSpec extends BatchSize {
  /** A Hugging Face folder or an .onnx file. */
  readonly model: string
  readonly config: PeftConfig
  /** A new classifier in place of the model's head; its weights are to be among the configuration's saved modules. */
  readonly head?: NewHead
  /** 'nothing': the model as it is. */
  readonly trainable: 'adapter' | 'all' | 'nothing'
  /** What the factors started from, by module, so that it is not computed again for each graph. */
  readonly starts?: Starts | undefined
  /** Ranks of frozen factors beside the trained ones, by module; their values come with each job. */
  readonly side?: SideRanks | undefined
  /** What the backward pass computes again instead of holding it in memory; 'cheap' unless stated. */
  readonly recompute?: Recompute | 'none'
  /** Of a longer text, `logits` reads the end; the model's own limit when absent. */
  readonly maxColumns?: number
  /** What `open` makes ready; 'train' unless stated. Whatever else is asked for is made ready when it is. */
  readonly purpose?: Purpose
}

/** A graph with gradients, with the loss only, with the loss and what is predicted, with the logits only, or with what they are made of. */
export type Purpose = 'train' | 'evaluate' | 'measure' | 'logits' | 'states'

/** Asks for the graph of a model for one batch size. */
export interface GraphRequest extends EngineSpec {
  readonly purpose: Purpose
  /** With 'logits': a graph that gives keys and values, and reads a cache of so many positions (0: it starts a text). */
  readonly cache?: number
  /** With 'train': the inputs of factors are dropped as the configuration says. */
  readonly dropout?: boolean
  /**
   * With 'train': instead of gradients, sums over the rows of their clipped gradients, of all parameters but those that are
   * frozen. The bound is the input `clip`; the output `norms` (rows) has what was clipped.
   */
  readonly byExample?: { readonly frozen: readonly string[] }
}

/**
 * A graph whose outputs are `loss` and `grad:<parameter>`, or `loss`, or `loss` and `predictions`, or `logits` (rows,
 * columns, vocabulary), or `states` (see `withLastStates`).
 */
export interface TrainingGraph {
  readonly graph: Graph
  /** The graph inputs that are trained. */
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]
  /** The graph inputs that hold the frozen factors, by the names of the trained ones; none unless stated. */
  readonly side?: TrainingGraph['parameters']
  readonly task: Task
  /** How many classes the logits tell apart: of a language model, its vocabulary. */
  readonly classes?: number | undefined
  /** The longest sequence that the model has positions for, where it says it. */
  readonly positions?: number | undefined
  /** How many trained embeddings stand before each row. */
  readonly virtualTokens?: number
}

export type BuildGraph = (request: GraphRequest) => TrainingGraph | Promise<TrainingGraph>
