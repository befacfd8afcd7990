/**
 * Tokenised examples on disk, with an index of 12 bytes an example in memory.
 * @module
 */
import type { Example } from './example.js'
import { createGrown } from './grown.js'
import { openScratch } from './scratch.js'

/** An example as it comes back, in the form of numbers. */
export interface Stored {
  readonly ids: Int32Array
  readonly labels: Int32Array
  readonly typeIds: Int32Array // empty: zeros
}

export interface ExampleStore {
  readonly count: number
  add(example: Omit<Example, 'isCut'>): void
  get(index: number): Stored
  /** How many tokens an example has; it is not read for that. */
  tokens(index: number): number
  close(): void
}

/** Opens an empty store in a folder for files that pass. */
export function openStore(folder: string): ExampleStore {
  const scratch = openScratch(folder)
  const ends = createGrown(Float64Array) // where each example ends in the file
  const tokens = createGrown(Uint32Array)
  return {
    get count() {
      return ends.length
    },
    add({ ids, labels, typeIds = [] }) {
      const record = Int32Array.from([labels.length, ...ids, ...labels, ...typeIds])
      ends.push(scratch.append(record) + record.length)
      tokens.push(ids.length)
    },
    get(index) {
      const start = index === 0 ? 0 : ends.at(index - 1)
      const record = scratch.read(start, ends.at(index) - start)
      const labelsAt = 1 + tokens.at(index)
      const typesAt = labelsAt + (record[0] as number)
      return {
        ids: record.subarray(1, labelsAt),
        labels: record.subarray(labelsAt, typesAt),
        typeIds: record.subarray(typesAt),
      }
    },
    tokens: (index) => tokens.at(index),
    close: () => scratch.close(),
  }
}
