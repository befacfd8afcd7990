/**
 * Sums of many contributions' tensors, read block by block: memory is the result and some blocks, whatever their number.
 * @module
 */
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import { sizeOf } from '../graph/graph.js'
import type { Share } from './cohort.js'
import { createFold, type Fold, MOST_TERMS } from './fold.js'
import { readRanges } from './tensor-source.js'

/** How contributions are read: in blocks of so many values, into sets of buffers. */
interface Reading {
  readonly blockValues: number
  readonly sets: number
  readonly idle: Fold[] // that were used and can be used again: their memory is the dearer part of a small sum
}

/** One set is added while the next ones are read. */
const ahead: Reading = { blockValues: 256 * 1024, sets: 3, idle: [] }
/** What was read is added while the caches of the processor still hold it. */
const inTurn: Reading = { blockValues: 32 * 1024, sets: 1, idle: [] }

/**
 * The weighted mean of the named tensors: with one start for all, start + sum of share * change. Terms are added in the order
 * of `shares` in float64, and the sum is rounded once. RangeError when it is not finite.
 */
export async function weightedMeans(shares: readonly Share[], names: readonly string[]): Promise<TensorMap> {
  const shapes = shares[0]?.member.shapes
  const means = new Map<string, Tensor>()
  for (const name of names) {
    const shape = shapes?.get(name) ?? []
    means.set(name, { shape, data: new Float32Array(sizeOf(shape)) })
  }
  await foldMeans(shares, names, (name, start, values) => means.get(name)?.data.set(values, start))
  return means
}

/** Takes values of a tensor from `start` on; `values` is used again for the next ones. */
export type TakeValues = (name: string, start: number, values: Float32Array) => void

/** The same in pieces, in the order of the names: memory is that of some blocks. */
export async function foldMeans(
  shares: readonly Share[],
  names: readonly string[],
  take: TakeValues,
): Promise<void> {
  const isBlocking = shares.every(({ member }) => member.tensors.isBlocking === true)
  const reading = isBlocking ? inTurn : ahead
  const fold = reading.idle.pop() ?? createFold(reading.blockValues, reading.sets)
  const jobs = names.map((name) => jobOf(shares, name))
  await run(fold, stepsOf(jobs, reading.blockValues), take)
  reading.idle.push(fold)
}

/** One tensor to be made. */
interface Job {
  readonly name: string
  readonly length: number // values
  readonly starts: readonly Start[]
  readonly readers: readonly Share[] // whose sources have it
}

function jobOf(shares: readonly Share[], name: string): Job {
  return {
    name,
    length: sizeOf(shares[0]?.member.shapes.get(name) ?? [0]),
    starts: startsOf(shares, name),
    readers: shares.filter(({ member }) => member.tensors.shapes.has(name)),
  }
}

/** Values of one tensor in a block. */
interface Part {
  readonly job: Job
  readonly start: number // in the tensor
  readonly at: number // in the block
  readonly count: number
}

/** Parts of tensors, one after the other, that are read and added together. */
interface Block {
  readonly parts: readonly Part[]
  readonly count: number
  readonly readers: readonly Share[]
}

/** Tensors in blocks; those that all have the same readers share them. */
function* blocksOf(jobs: readonly Job[], blockValues: number): Generator<Block> {
  let parts: Part[] = []
  let count = 0
  const taken = (): Block => {
    const block = { parts, count, readers: parts[0]?.job.readers ?? [] }
    parts = []
    count = 0
    return block
  }
  for (const job of jobs) {
    const { length } = job
    for (let start = 0; start < length; ) {
      const isOther = parts[0] !== undefined && !isSame(parts[0].job.readers, job.readers)
      if (count === blockValues || isOther) yield taken()
      const own = Math.min(blockValues - count, length - start)
      parts.push({ job, start, at: count, count: own })
      count += own
      start += own
    }
  }
  if (count > 0) yield taken()
}

function isSame(one: readonly Share[], other: readonly Share[]): boolean {
  return one.length === other.length && one.every((share, at) => share === other[at])
}

interface Step {
  readonly block: Block
  readonly group: readonly Share[] // what is added at once; nothing where nobody has the tensor
  readonly isFirst: boolean // of its block
  readonly isLast: boolean
}

function* stepsOf(jobs: readonly Job[], blockValues: number): Generator<Step, undefined> {
  for (const block of blocksOf(jobs, blockValues)) {
    const groups = block.readers.length === 0 ? [[]] : groupsOf(block.readers)
    for (const [at, group] of groups.entries())
      yield { block, group, isFirst: at === 0, isLast: at === groups.length - 1 }
  }
}

/** Reads ahead as far as there are buffers. */
async function run(fold: Fold, steps: Generator<Step, undefined>, take: TakeValues): Promise<void> {
  const sets = fold.buffers.length
  const reading: { readonly step: Step; readonly done: Promise<unknown> }[] = []
  let [started, added] = [0, 0]
  const start = (): void => {
    const { value: step } = steps.next()
    if (step === undefined) return
    const done = fill(fold.buffers[started++ % sets] as readonly Float32Array[], step)
    done.catch(() => undefined) // awaited when its turn comes
    reading.push({ step, done })
  }
  for (let set = 1; set < sets; set++) start()
  for (;;) {
    if (sets === 1) start()
    const next = reading.shift()
    if (next === undefined) return
    await next.done
    if (sets > 1) start()
    const { block, group, isFirst, isLast } = next.step
    if (isFirst) fold.sum.subarray(0, block.count).fill(0)
    const shares = group.map(({ share }) => share)
    if (shares.length > 0) fold.add(added % sets, block.count, shares)
    added++
    if (isLast) finish(block, fold, take)
  }
}

function groupsOf(shares: readonly Share[]): readonly (readonly Share[])[] {
  const groups: Share[][] = []
  for (let at = 0; at < shares.length; at += MOST_TERMS) groups.push(shares.slice(at, at + MOST_TERMS))
  return groups
}

/** One source after the other: more reads at once only wait for each other. */
async function fill(buffers: readonly Float32Array[], { block, group }: Step): Promise<void> {
  for (const [index, { member }] of group.entries()) {
    const buffer = buffers[index] as Float32Array
    const ranges = block.parts.map(({ job, start, at, count }) => ({
      name: job.name,
      start,
      into: buffer.subarray(at, at + count),
    }))
    await readRanges(member.tensors, ranges)
  }
}

interface Start {
  readonly data: Float32Array
  readonly share: number
}

/** What the changes are added to. One start of all contributions counts whole: their shares add up to 1, but for rounding. */
function startsOf(shares: readonly Share[], name: string): readonly Start[] {
  const byStart = new Map<TensorMap, number>()
  for (const { member, share } of shares) {
    if (member.start !== null) byStart.set(member.start, (byStart.get(member.start) ?? 0) + share)
  }
  const isOne = byStart.size === 1 && shares.every(({ member }) => member.start !== null)
  return [...byStart].flatMap(([start, share]) => {
    const data = start.get(name)?.data
    return data === undefined ? [] : [{ data, share: isOne ? 1 : share }]
  })
}

function addScaled32(sum: Float64Array, values: Float32Array, factor: number): void {
  for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + factor * (values[at] as number)
}

/** Adds the starts, and gives the rounded parts away. */
function finish({ parts, count: all }: Block, fold: Fold, take: TakeValues): void {
  for (const { job, start, at, count } of parts) {
    const sum = fold.sum.subarray(at, at + count)
    for (const { data, share } of job.starts) addScaled32(sum, data.subarray(start, start + count), share)
  }
  const { values, isFinite: fits } = fold.rounded(all)
  for (const { job, start, at, count } of parts) {
    const own = values.subarray(at, at + count)
    const wrong = fits ? -1 : own.findIndex((value) => !Number.isFinite(value))
    if (wrong >= 0)
      throw new RangeError(`${job.name}[${start + wrong}] expected a finite sum, got ${own[wrong]}`)
    take(job.name, start, own)
  }
}
