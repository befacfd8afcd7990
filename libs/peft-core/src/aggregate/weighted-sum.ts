/**
 * Sums of many contributions' tensors, read block by block: memory is the result and some blocks, whatever their number.
 * @module
 */
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import { sizeOf } from '../graph/graph.js'
import type { Share } from './cohort.js'
import { addWeighted, MOST_TERMS } from './fold.js'

const BLOCK_VALUES = 64 * 1024

/**
 * The weighted mean of the named tensors: with one start for all, start + sum of share * change. Terms are added in the order
 * of `shares` in float64, and the sum is rounded once. RangeError when it is not finite.
 */
export async function weightedMeans(shares: readonly Share[], names: readonly string[]): Promise<TensorMap> {
  const means = new Map<string, Tensor>()
  for (const name of names) means.set(name, await weightedMean(shares, name))
  return means
}

async function weightedMean(shares: readonly Share[], name: string): Promise<Tensor> {
  const shape = shares[0]?.member.shapes.get(name) ?? []
  const mean = new Float32Array(sizeOf(shape))
  const starts = startsOf(shares, name)
  const groups = groupsOf(shares.filter(({ member }) => member.tensors.shapes.has(name)))
  const sum = new Float64Array(Math.min(BLOCK_VALUES, mean.length))
  const buffers = [buffersOf(sum.length), buffersOf(sum.length)] as const
  const steps = stepsOf(mean.length, groups)
  let step = steps.next().value
  let reading = step === undefined ? undefined : fill(buffers[0], step, name)
  for (let at = 0; step !== undefined; at++) {
    await reading
    const next = steps.next().value
    reading = next === undefined ? undefined : fill(buffers[(at + 1) % 2 === 0 ? 0 : 1], next, name)
    reading?.catch(() => undefined) // awaited in the next turn
    const { offset, count, group, isFirst, isLast } = step
    const part = sum.subarray(0, count)
    if (isFirst) part.fill(0)
    const values = buffers[at % 2 === 0 ? 0 : 1].map((buffer) => buffer.subarray(0, count))
    addWeighted(
      part,
      values,
      group.map(({ share }) => share),
    )
    if (isLast) finish(mean, part, { offset, starts })
    step = next
  }
  if (groups.length === 0) finish(mean, new Float64Array(mean.length), { offset: 0, starts })
  const wrong = mean.findIndex((value) => !Number.isFinite(value))
  if (wrong >= 0) throw new RangeError(`${name}[${wrong}] expected a finite sum, got ${mean[wrong]}`)
  return { shape, data: mean }
}

interface Step {
  readonly offset: number
  readonly count: number
  readonly group: readonly Share[]
  readonly isFirst: boolean // of its block
  readonly isLast: boolean
}

function* stepsOf(length: number, groups: readonly (readonly Share[])[]): Generator<Step, undefined> {
  for (let offset = 0; offset < length; offset += BLOCK_VALUES) {
    const count = Math.min(BLOCK_VALUES, length - offset)
    for (const [at, group] of groups.entries())
      yield { offset, count, group, isFirst: at === 0, isLast: at === groups.length - 1 }
  }
}

function groupsOf(shares: readonly Share[]): readonly (readonly Share[])[] {
  const groups: Share[][] = []
  for (let at = 0; at < shares.length; at += MOST_TERMS) groups.push(shares.slice(at, at + MOST_TERMS))
  return groups
}

function buffersOf(length: number): readonly Float32Array[] {
  return Array.from({ length: MOST_TERMS }, () => new Float32Array(length))
}

async function fill(
  buffers: readonly Float32Array[],
  { offset, count, group }: Step,
  name: string,
): Promise<void> {
  await Promise.all(
    group.map(({ member }, at) =>
      member.tensors.read(name, offset, (buffers[at] as Float32Array).subarray(0, count)),
    ),
  )
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

function finish(
  mean: Float32Array,
  sum: Float64Array,
  { offset, starts }: { readonly offset: number; readonly starts: readonly Start[] },
): void {
  for (const { data, share } of starts) {
    for (let at = 0; at < sum.length; at++)
      sum[at] = (sum[at] as number) + share * (data[offset + at] as number)
  }
  mean.set(sum, offset)
}
