/**
 * What secure sums have to be, computed from what is below the masks without the code that sums.
 * @module
 */
import type { JournalEntry } from '@lorica/coordinator/embed'
import { encodeStochastic, type Masking } from '@lorica/privacy'
import { COORDINATOR_FOLDER } from './coordinator-machine.js'
import type { MemoryDisk } from './memory-disk.js'

/** What agents masked, by the hash of what left. */
export type Masked = ReadonlyMap<string, Masking>

/** I8: the sum of a round is that of the plain values of its survivors, exactly, modulo 2^bits. How many sums were compared, and what is wrong. */
export function comparedSums(
  entries: readonly JournalEntry[],
  disk: MemoryDisk,
  masked: Masked,
): { readonly compared: number; readonly problems: readonly string[] } {
  const accepted = new Map<string, string>() // the hash of what an agent sent, in the attempt at hand
  const problems: string[] = []
  let compared = 0
  for (const { event } of entries) {
    if (event.type === 'round-planned') accepted.clear()
    if (event.type === 'update-accepted')
      accepted.set(event.contribution.agentId, event.contribution.updateSha256)
    if (event.type !== 'sum-finished') continue
    const { runId, round, file, survivors } = event
    const bytes = disk.peek(`${COORDINATOR_FOLDER}/updates/${runId}/${round}/${file.sha256}.safetensors`)
    const own = survivors.flatMap((agentId) => masked.get(accepted.get(agentId) ?? '') ?? [])
    if (own.length < survivors.length) problems.push(`I8: round ${round} sums what no agent masked`)
    if (bytes === undefined || own[0] === undefined) continue
    const { bits } = own[0].ring
    const sum = plainSum(own)
    const got = elementsIn(bytes, sum.length, bits)
    compared++
    const wrong = sum.findIndex((element, at) => element !== got[at])
    if (wrong >= 0)
      problems.push(
        `I8: value ${wrong} of the sum of round ${round} is ${got[wrong]}, expected ${sum[wrong]}`,
      )
  }
  return { compared, problems }
}

function plainSum(masked: readonly Masking[]): readonly number[] {
  const { ring, values } = masked[0] as Masking
  const sums = new Array<bigint>(values.length).fill(0n)
  for (const { values: own, seed } of masked)
    for (const [at, element] of encodeStochastic(own, ring, seed).entries())
      sums[at] = (sums[at] as bigint) + BigInt(element)
  return sums.map((sum) => Number(sum % 2n ** BigInt(ring.bits)))
}

/** Elements of `bits` bits, the least significant bit first. */
function elementsIn(bytes: Uint8Array, length: number, bits: number): readonly number[] {
  const bitAt = (place: number): bigint => BigInt(((bytes[place >> 3] ?? 0) >> (place & 7)) & 1)
  return Array.from({ length }, (_, at) => {
    let element = 0n
    for (let bit = bits - 1; bit >= 0; bit--) element = element * 2n + bitAt(at * bits + bit)
    return Number(element)
  })
}
