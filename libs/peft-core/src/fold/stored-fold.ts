/**
 * Weighted sums of float32 tensors that lie in files, read by a thread that waits for nothing else.
 * @module
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { type Block, blocksOf, finished, type Part, type Start } from './blocks.js'
import { createFold, type Fold, MOST_TERMS, type Rounded } from './fold.js'

/** Values that are added while the caches of the processor still hold what was read. */
export const STORED_BLOCK_VALUES = 32 * 1024

/** What is added: plain data, which other threads can be given. */
export interface StoredSum {
  readonly terms: readonly { readonly path: string; readonly share: number }[]
  readonly tensors: readonly StoredTensor[]
  readonly positions: Float64Array // tensors x terms: in the file of the term, in bytes
  readonly blockValues: number // how many are added at once
}

/** One tensor, which every term has. */
export interface StoredTensor {
  readonly name: string
  readonly length: number // values
  readonly index: number // among the tensors
  readonly starts: readonly Start[]
}

/** The sums of a block at a time, each the same whoever computes it. */
export interface StoredFold {
  readonly blocks: readonly Block<StoredTensor>[]
  /** The sum of block `index`, until the next call. RangeError when a file ends before, an error of the disk when it cannot be read. */
  sumOf(index: number): Rounded
  close(): void
}

const MOST_FILES = 64 // that are open at once
const idle: Fold[] = [] // that were used and can be used again: the first use of memory is dear

/** Opens what is to be summed. Close it at the end. */
export function openStoredFold({ terms, tensors, positions, blockValues }: StoredSum): StoredFold {
  const fold = foldOf(blockValues)
  const bytes = (fold.buffers[0] ?? []).map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  )
  const files = openFiles()
  const blocks = [...blocksOf(tensors, blockValues)]
  const positionOf = ({ of, start }: Part<StoredTensor>, term: number): number =>
    (positions[of.index * terms.length + term] as number) + 4 * start
  return {
    blocks,
    sumOf(index) {
      const block = blocks[index] as Block<StoredTensor>
      if (terms.length === 0) fold.sum.fill(0, 0, block.count)
      for (let from = 0; from < terms.length; from += MOST_TERMS) {
        const group = terms.slice(from, from + MOST_TERMS)
        for (const [at, { path }] of group.entries())
          fill(bytes[at] as Uint8Array, files.descriptor(path), block, (part) => positionOf(part, from + at))
        const shares = group.map(({ share }) => share)
        if (from === 0) fold.begin(0, block.count, shares)
        else fold.add(0, block.count, shares)
      }
      return finished(fold, block)
    },
    close() {
      idle.push(fold)
      files.close()
    },
  }
}

function foldOf(blockValues: number): Fold {
  const at = idle.findIndex(({ sum }) => sum.length >= blockValues)
  return idle.splice(at, at < 0 ? 0 : 1)[0] ?? createFold(Math.max(blockValues, STORED_BLOCK_VALUES), 1)
}

/** The sum of a block; null where it cannot be read, or is not finite: whoever takes the blocks tries again, and has the error. */
export function sumOrNull(fold: StoredFold, index: number): Float32Array | null {
  try {
    const { values, fits } = fold.sumOf(index)
    return fits ? values : null
  } catch {
    return null
  }
}

/** Files that stay open between reads; when there are too many, the one that was not read for longest is closed. */
function openFiles() {
  const descriptors = new Map<string, number>() // the one read last is the last
  const descriptor = (path: string): number => {
    const known = descriptors.get(path) ?? openSync(path, 'r')
    descriptors.delete(path)
    descriptors.set(path, known)
    const [oldest] = descriptors
    if (descriptors.size > MOST_FILES && oldest !== undefined) {
      descriptors.delete(oldest[0])
      closeSync(oldest[1])
    }
    return known
  }
  const close = (): void => {
    for (const known of descriptors.values()) closeSync(known)
    descriptors.clear()
  }
  return { descriptor, close }
}

/** Reads a term's values of a block: those that follow each other in its file in one go. */
function fill(
  into: Uint8Array,
  file: number,
  { parts }: Block<StoredTensor>,
  positionOf: (part: Part<StoredTensor>) => number,
): void {
  for (let first = 0; first < parts.length; ) {
    const { at } = parts[first] as Part<StoredTensor>
    const position = positionOf(parts[first] as Part<StoredTensor>)
    let sizeBytes = 0
    let next = first
    for (; next < parts.length; next++) {
      const part = parts[next] as Part<StoredTensor>
      if (positionOf(part) !== position + sizeBytes) break
      sizeBytes += 4 * part.count
    }
    readWhole(file, into.subarray(4 * at, 4 * at + sizeBytes), position)
    first = next
  }
}

function readWhole(file: number, into: Uint8Array, position: number): void {
  let done = 0
  while (done < into.length) {
    const count = readSync(file, into, done, into.length - done, position + done)
    if (count === 0) throw new RangeError(`file expected ${into.length} bytes at ${position}, got ${done}`)
    done += count
  }
}
