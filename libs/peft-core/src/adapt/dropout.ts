/**
 * Dropout before the factors of a module: a part of the inputs is set to zero, and the rest scaled by 1 / (1 - rate).
 *
 * The mask has no state: row n and column i are kept where the 32-bit product of two random odd words, r_n of the step
 * and c_i of the module, is above a threshold (multiplicative hashing: Dietzfelbinger et al.,
 * https://doi.org/10.1006/jagm.1997.0873). So the same words give the same mask, on any machine and when an activation is
 * computed again, and another step or module gives another one.
 *
 * Sizes used below: N = rows, I = inputs.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { sizeOf, type Value } from '../graph/graph.js'
import { createRandom, type Random } from '../train/random.js'

/** The graph input that carries the words of a step's rows: int32, as many as the widest dropout of the graph needs. */
export const DROPOUT_WORDS = 'dropout_words'

export interface Dropout {
  /** The share that is set to zero: in (0, 1). */
  readonly rate: number
  /** int32, at least N. */
  readonly words: Value
  /** The path of the module. Each has a mask of its own. */
  readonly module: string
}

/** Random odd words, as int32. */
export function dropoutWords(random: Random, count: number): Int32Array {
  return Int32Array.from({ length: count }, () => random.below(2 ** 32) | 1)
}

/** How many words the dropout of a value (…, I) reads. */
export function dropoutRows(x: Pick<Value, 'shape'>): number {
  return sizeOf(x.shape.slice(0, -1))
}

/** x (…, I) with zeros where the mask says so. What is kept is not yet scaled: see `keptScale`. */
export function appendDropout(builder: GraphBuilder, x: Value, { rate, words, module }: Dropout): Value {
  const lead = x.shape.slice(0, -1)
  const inputs = x.shape.at(-1) as number
  const vector = (values: readonly number[]): Value => builder.constant(values, 'int64')
  const sliced =
    words.shape[0] === dropoutRows(x)
      ? words
      : builder.op('Slice', [words, vector([0]), vector([dropoutRows(x)]), vector([0])], { module })
  const rows = builder.op('Reshape', [sliced, vector([...lead, 1])], { module }) // (…, 1)
  const columns = dropoutWords(createRandom(0, `dropout ${module}`), inputs)
  const salt = builder.weight({
    name: `${module}:dropout_words`,
    element: 'int32',
    shape: [inputs],
    data: { kind: 'bytes', bytes: new Uint8Array(columns.buffer) },
  })
  const hash = builder.op('Mul', [rows, salt], { module }) // (…, I), modulo 2^32
  const threshold = builder.constant(Math.round((rate - 0.5) * 2 ** 32), 'int32', [])
  const kept = builder.op('Greater', [hash, threshold], { module })
  return builder.op('Where', [kept, x, builder.constant(0)], { module })
}

/** What a dropped value has to be multiplied with, so that its mean stays. */
export const keptScale = (rate: number): number => 1 / (1 - rate)
