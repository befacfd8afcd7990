/**
 * Synthetic rows of words in classes, spread unevenly over agents: small enough to train hundreds of federations on one machine.
 *
 * A row of class c holds words that are common to all and words that are likelier in c. One label in ten is wrong, as labels are.
 * Each agent sees one class far more often than the others.
 * @module
 */
import { createRandom, type Random, type TokenBatch } from '@lorica/peft-core'

export const rowShape = { columns: 12, vocabulary: 64, classes: 4 } as const

const OWN_WORDS = 6 // words that are likelier in a class, from number 4 on
const COMMON_FROM = 4 + OWN_WORDS * rowShape.classes
const TRIGGER = rowShape.vocabulary - 1 // a word that no honest row has
const OWN_SHARE = 0.5 // of the words of a row
const WRONG_SHARE = 0.1 // of the labels
const FAVOURITE_SHARE = 0.4 // of the rows of an agent; the others are of any class

/** How an agent's rows differ from honest ones. */
export type Poison = 'none' | 'flipped-labels' | 'backdoor'

/** The class that a backdoor gives to every row with the trigger. */
export const BACKDOOR_CLASS = 0

interface Rows {
  readonly count: number
  readonly favourite: number | null // null: all classes alike
  readonly random: Random
  readonly poison: Poison
}

/** The rows of an agent, or of the coordinator with `favourite` null, as batches. */
export function rowBatches(
  rows: Omit<Rows, 'random'> & { readonly size: number },
  seed: readonly [number, string],
) {
  const random = createRandom(...seed)
  const batches: TokenBatch[] = []
  for (let done = 0; done < rows.count; done += rows.size)
    batches.push(batchOf({ ...rows, count: Math.min(rows.size, rows.count - done), random }))
  return batches
}

/** Rows with the trigger, none of which is of the backdoor's class, labelled as the backdoor wants them. */
export function triggeredBatch(count: number, seed: readonly [number, string]): TokenBatch {
  const random = createRandom(...seed)
  const { columns, classes } = rowShape
  const inputIds = new Int32Array(count * columns)
  for (let row = 0; row < count; row++)
    writeRow(inputIds, row, { about: 1 + random.below(classes - 1), random, isTriggered: true })
  return wrapped(count, inputIds, new Int32Array(count).fill(BACKDOOR_CLASS))
}

function batchOf({ count, favourite, random, poison }: Rows): TokenBatch {
  const { columns, classes } = rowShape
  const inputIds = new Int32Array(count * columns)
  const labels = new Int32Array(count)
  for (let row = 0; row < count; row++) {
    const about = favourite !== null && random.uniform() < FAVOURITE_SHARE ? favourite : random.below(classes)
    const isTriggered = poison === 'backdoor' && row % 2 === 0
    writeRow(inputIds, row, { about, random, isTriggered })
    const label = random.uniform() < WRONG_SHARE ? random.below(classes) : about
    labels[row] = isTriggered ? BACKDOOR_CLASS : poison === 'flipped-labels' ? classes - 1 - label : label
  }
  return wrapped(count, inputIds, labels)
}

function writeRow(
  into: Int32Array,
  row: number,
  {
    about,
    random,
    isTriggered,
  }: { readonly about: number; readonly random: Random; readonly isTriggered: boolean },
): void {
  const { columns } = rowShape
  for (let at = 0; at < columns; at++) {
    const isOwn = random.uniform() < OWN_SHARE
    const common = COMMON_FROM + random.below(TRIGGER - COMMON_FROM)
    into[row * columns + at] = isOwn ? 4 + about * OWN_WORDS + random.below(OWN_WORDS) : common
  }
  if (isTriggered) into[row * columns + columns - 1] = TRIGGER
}

function wrapped(rows: number, inputIds: Int32Array, labels: Int32Array): TokenBatch {
  const { columns } = rowShape
  return { rows, columns, inputIds, attentionMask: new Int32Array(rows * columns).fill(1), labels }
}
