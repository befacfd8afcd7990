/**
 * Gradient inversion of an adapter: the tokens of one text from the gradients of its factors B. The first layer names the tokens,
 * the second their order: its hidden states depend on all tokens before.
 * @module
 */
import type { Adapter, Engine, Tensor, TokenBatch, Tokenizer } from '@lorica/peft-core'
import { outside, rowsOutside, spanOf } from '@lorica/privacy'
import { valueFactor } from './first-layer-states.js'

export type Gradients = ReadonlyMap<string, Tensor>

export interface Inverting {
  readonly engine: Engine
  readonly adapter: Adapter
  readonly tokenizer: Tokenizer
  /** What the first layer's factor makes of each token. */
  readonly states: ReadonlyMap<number, Float64Array>
  /** The longest row that the engine is asked for. */
  readonly columns: number
  /** What the attacker is told: how many tokens the text has, and how many distinct ones. */
  readonly positions: number
  readonly distinct: number
}

export interface Inverted {
  /** The tokens that fit best, best first. */
  readonly named: readonly number[]
  /** The text that fits best. */
  readonly sequence: readonly number[]
}

/** The text that explains gradients best. */
export async function invert(gradients: Gradients, inverting: Inverting): Promise<Inverted> {
  const { states, positions, distinct } = inverting
  const first = spanOf(factor(gradients, 0))
  const named = [...states]
    .map(([token, state]) => ({ token, distance: outside(state, first, distinct) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, distinct)
    .map(({ token }) => token)
  const second = spanOf(factor(gradients, 1))
  let sequence: readonly number[] = []
  while (sequence.length < positions) {
    let best = { token: named[0] as number, distance: Number.POSITIVE_INFINITY }
    for (const token of named) {
      const guess = await gradientsAfter([...sequence, token], inverting)
      const distance = rowsOutside(factor(guess, 1), second, positions)
      if (distance < best.distance) best = { token, distance }
    }
    sequence = [...sequence, best.token]
  }
  return { named, sequence }
}

/** The gradients when only the token after a text is predicted, so that its last hidden state weighs most. */
async function gradientsAfter(
  text: readonly number[],
  { engine, adapter, tokenizer, columns }: Inverting,
): Promise<Gradients> {
  const next = tokenizer.separator[0] ?? tokenizer.padId
  const batch = rowOf([...text, next], columns, tokenizer.padId)
  batch.labels.fill(NOT_LEARNED, 0, text.length)
  return (await engine.gradients(adapter.tensors, batch)).gradients
}

const NOT_LEARNED = -100

/** One text, filled up to so many columns. */
export function rowOf(text: readonly number[], columns: number, padId: number): TokenBatch {
  const inputIds = new Int32Array(columns).fill(padId)
  const labels = new Int32Array(columns).fill(NOT_LEARNED)
  inputIds.set(text)
  labels.set(text)
  const attentionMask = new Int32Array(columns).fill(1, 0, text.length)
  return { rows: 1, columns, inputIds, attentionMask, labels }
}

function factor(gradients: Gradients, layer: number) {
  const { data, shape } = gradients.get(valueFactor(layer, 'B')) as Tensor // (O, R)
  return { data, rank: shape[1] as number }
}
