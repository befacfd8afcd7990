/**
 * Synthetic text of ten topics, spread over agents so that each sees one topic nearly alone: small enough to train a hundred
 * federations on one machine.
 *
 * Each topic has words of its own. A word is mostly followed by its successor, which is one of the same topic, else by any word
 * of the topic. So what one agent learns says little about the text of another, and the model needs all of them.
 * @module
 */
import { createRandom, type Random, shuffled, type TokenBatch } from '@lorica/peft-core'

export const textShape = { columns: 12, vocabulary: 64, topics: 10 } as const

const TOPIC_WORDS = 6
const FIRST_WORD = 4
const FOLLOWS_SHARE = 0.8 // of the words
const OWN_SHARE = 0.9 // of the rows of an agent; the others are of any topic

/** The rows of an agent whose own topic is given, or of all topics alike with null, as batches. The language depends on the seed alone. */
export function topicBatches(
  { count, size, own }: { readonly count: number; readonly size: number; readonly own: number | null },
  [seed, stream]: readonly [number, string],
): readonly TokenBatch[] {
  const successors = successorsOf(seed)
  const random = createRandom(seed, stream)
  const batches: TokenBatch[] = []
  for (let done = 0; done < count; done += size)
    batches.push(batchOf(Math.min(size, count - done), { own, successors, random }))
  return batches
}

interface Source {
  readonly own: number | null
  readonly successors: readonly Int32Array[] // of each topic, by place in it
  readonly random: Random
}

function successorsOf(seed: number): readonly Int32Array[] {
  const random = createRandom(seed, 'language')
  return Array.from({ length: textShape.topics }, () => shuffled(TOPIC_WORDS, random))
}

function batchOf(rows: number, { own, successors, random }: Source): TokenBatch {
  const { columns, topics } = textShape
  const inputIds = new Int32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const topic = own !== null && random.uniform() < OWN_SHARE ? own : random.below(topics)
    let place = random.below(TOPIC_WORDS)
    for (let at = 0; at < columns; at++) {
      inputIds[row * columns + at] = FIRST_WORD + topic * TOPIC_WORDS + place
      const follows = random.uniform() < FOLLOWS_SHARE
      place = follows ? (successors[topic]?.[place] as number) : random.below(TOPIC_WORDS)
    }
  }
  const attentionMask = new Int32Array(rows * columns).fill(1)
  return { rows, columns, inputIds, attentionMask, labels: inputIds.slice() }
}
