/**
 * How fast contributions are folded on this machine, beside what only moves their bytes.
 * @module
 */
import { readSafetensorsHeader } from '../adapter/safetensors.js'
import { filePool } from '../fold/file-pool.js'
import { readWhole } from '../fold/float-ranges.js'
import { createFold, MOST_TERMS } from '../fold/fold.js'
import { openBlocking } from '../update/range-file.js'
import { safetensorsSource } from './adapter-folder.js'
import type { Share } from './cohort.js'
import { foldMeans } from './weighted-sum.js'

/** Seconds for all bytes of the files' tensors, the best of all rounds. */
export interface FoldSpeed {
  readonly sizeBytes: number
  readonly copySeconds: number // from memory to memory
  readonly addSeconds: number // in memory: widened, weighted and added in float64
  readonly readSeconds: number // from the files, in pieces
  readonly foldSeconds: number // from the files to one float32 mean
}

const PIECE_VALUES = 32 * 1024
const SETS = 128 // of buffers that are added: more than the caches hold

/** Measures with safetensors files of the same float32 tensors. All of them are done in each round, in turn. */
export async function measureFold(paths: readonly string[], rounds: number): Promise<FoldSpeed> {
  await using pool = filePool(openBlocking)
  const [first = ''] = paths
  const { tensors: slices } = await readSafetensorsHeader(first)
  const shapes = new Map([...slices].map(([name, { shape }]) => [name, shape]))
  const sizeBytes = [...slices.values()].reduce((sum, slice) => sum + slice.sizeBytes, 0)
  const start = Math.min(...[...slices.values()].map(({ offset }) => offset))
  const shares = paths.map((path): Share => {
    const tensors = safetensorsSource(path, slices, pool)
    const config = { method: 'prompt' } as Share['member']['config'] // nothing looks at it here
    const member = { id: path, weight: 1, config, start: null, tensors, shapes, pairs: new Map() }
    return { member, share: 1 / paths.length }
  })
  const means = new Map([...slices].map(([name, slice]) => [name, new Float32Array(slice.sizeBytes / 4)]))
  const memory = measuredMemory(sizeBytes * paths.length)
  const piece = new Uint8Array(4 * PIECE_VALUES)
  const read = async (): Promise<void> => {
    for (let at = 0; at < sizeBytes; at += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, sizeBytes - at))
      for (const path of paths) await pool.use(path, (file) => readWhole(file, part, start + at))
    }
  }
  const fold = (): Promise<void> =>
    foldMeans(shares, [...slices.keys()], (name, from, values) => means.get(name)?.set(values, from))
  const best = { copySeconds: Infinity, addSeconds: Infinity, readSeconds: Infinity, foldSeconds: Infinity }
  for (let round = 0; round < rounds; round++) {
    best.copySeconds = Math.min(best.copySeconds, await secondsOf(memory.copy))
    best.addSeconds = Math.min(best.addSeconds, await secondsOf(memory.add))
    best.readSeconds = Math.min(best.readSeconds, await secondsOf(read))
    best.foldSeconds = Math.min(best.foldSeconds, await secondsOf(fold))
  }
  return { sizeBytes: sizeBytes * paths.length, ...best }
}

/** Copies and adds of so many bytes, in memory that was written to before. */
function measuredMemory(sizeBytes: number): { copy(): void; add(): void } {
  const fold = createFold(PIECE_VALUES, SETS)
  for (const set of fold.buffers) for (const buffer of set) buffer.fill(0.25)
  const sources = fold.buffers.flat()
  const targets = sources.map((source) => source.slice())
  const pieces = Math.ceil(sizeBytes / (4 * PIECE_VALUES))
  const shares = Array.from({ length: MOST_TERMS }, () => 1 / MOST_TERMS)
  return {
    copy() {
      for (let at = 0; at < pieces; at++)
        targets[at % targets.length]?.set(sources[at % sources.length] as Float32Array)
    },
    add() {
      for (let at = 0; at < pieces; at += MOST_TERMS) fold.add((at / MOST_TERMS) % SETS, PIECE_VALUES, shares)
    },
  }
}

async function secondsOf(work: () => void | Promise<void>): Promise<number> {
  const startMs = performance.now()
  await work()
  return (performance.now() - startMs) / 1000
}
