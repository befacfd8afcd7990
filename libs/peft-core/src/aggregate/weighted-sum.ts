/**
 * Sums of many contributions' tensors, read block by block: memory is the result and some blocks, whatever their number.
 * @module
 */
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import { type Block, blocksOf, finished, type Start } from '../fold/blocks.js'
import { createFold, type Fold, MOST_TERMS } from '../fold/fold.js'
import { foldStored } from '../fold/shared-fold.js'
import { STORED_BLOCK_VALUES, type StoredSum } from '../fold/stored-fold.js'
import { readRanges } from '../fold/tensor-source.js'
import { sizeOf } from '../graph/graph.js'
import type { Share } from './cohort.js'

/** How contributions are read that cannot be read where they lie: in blocks, one set of buffers being added while others are filled. */
const BLOCK_VALUES = 256 * 1024
const SETS = 3
const idle: Fold[] = [] // that were used and can be used again: their memory is the dearer part of a small sum

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
  const jobs = names.map((name) => jobOf(shares, name))
  const sum = storedSum(shares, jobs)
  if (sum !== null) return await foldStored(sum, (block, values, fits) => giveAway(block, values, fits, take))
  const fold = idle.pop() ?? createFold(BLOCK_VALUES, SETS)
  await run(fold, stepsOf(jobs), take)
  idle.push(fold)
}

/** The same sum as plain data; null unless every value lies in a file as float32, and all contributions have the same tensors. */
function storedSum(shares: readonly Share[], jobs: readonly Job[]): StoredSum | null {
  const files = shares.flatMap(({ member, share }) => {
    const { stored } = member.tensors
    return stored === undefined ? [] : [{ stored, share }]
  })
  if (files.length < shares.length || jobs.some(({ readers }) => readers.length < shares.length)) return null
  return {
    terms: files.map(({ stored: { path }, share }) => ({ path, share })),
    tensors: jobs.map(({ name, length, starts }, index) => ({ name, index, length, starts })),
    positions: Float64Array.from(
      jobs.flatMap(({ name }) => files.map(({ stored }) => stored.positionOf(name))),
    ),
    blockValues: STORED_BLOCK_VALUES,
  }
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

function isReadAlike({ readers: one }: Job, { readers: other }: Job): boolean {
  return one.length === other.length && one.every((share, at) => share === other[at])
}

interface Step {
  readonly block: Block<Job>
  readonly group: readonly Share[] // what is added at once; nothing where nobody has the tensor
  readonly isFirst: boolean // of its block
  readonly isLast: boolean
}

function* stepsOf(jobs: readonly Job[]): Generator<Step, undefined> {
  for (const block of blocksOf(jobs, BLOCK_VALUES, isReadAlike)) {
    const readers = block.parts[0]?.of.readers ?? []
    const groups = readers.length === 0 ? [[]] : groupsOf(readers)
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
    const next = reading.shift()
    if (next === undefined) return
    await next.done
    start()
    const { block, group, isFirst, isLast } = next.step
    const shares = group.map(({ share }) => share)
    if (shares.length === 0) fold.sum.fill(0, 0, block.count)
    else if (isFirst) fold.begin(added % sets, block.count, shares)
    else fold.add(added % sets, block.count, shares)
    added++
    if (!isLast) continue
    const { values, fits } = finished(fold, block)
    giveAway(block, values, fits, take)
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
    const ranges = block.parts.map(({ of, start, at, count }) => ({
      name: of.name,
      start,
      into: buffer.subarray(at, at + count),
    }))
    await readRanges(member.tensors, ranges)
  }
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

function giveAway(
  { parts }: Block<{ readonly name: string }>,
  values: Float32Array,
  fits: boolean,
  take: TakeValues,
): void {
  for (const { of, start, at, count } of parts) {
    const own = values.subarray(at, at + count)
    const wrong = fits ? -1 : own.findIndex((value) => !Number.isFinite(value))
    if (wrong >= 0)
      throw new RangeError(`${of.name}[${start + wrong}] expected a finite sum, got ${own[wrong]}`)
    take(of.name, start, own)
  }
}
