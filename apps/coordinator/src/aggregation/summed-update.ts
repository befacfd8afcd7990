import { createHash } from 'node:crypto'
import { type Contribution, tensorSource } from '@lorica/peft-core'
import { decodeFixedPoint, unflattened, unpackRing } from '@lorica/privacy'
import { LoricaError } from '@lorica/protocol'
import { sumTerms } from '../runs/secure-terms.js'
import { type AdapterShapes, tensorsOf } from '../runs/strategy.js'
import type { Disk } from '../store/disk.js'
import { updatePath } from '../store/updates.js'
import type { ClosedRound } from './closed-round.js'
import { wholeFile } from './whole-file.js'

/**
 * The mean of updates of which only the sum is known, as one contribution: what every strategy for which the mean of the factors is
 * enough makes of it is what it makes of the updates. Throws LoricaError LRC-5002 when the sum on disk is not the one that was made.
 */
export async function summedUpdate(reading: Sums, closed: ClosedRound): Promise<Contribution> {
  const { config, tensors: start } = closed.start
  const { id, sum, shared, survivors } = await openedSum(reading, closed)
  return { id, weight: 1, config, start, tensors: tensorSource(unflattened(sum, shared, 1 / survivors)) }
}

interface Sums {
  readonly disk: Pick<Disk, 'open'>
  readonly updatesFolder: string
}

/** A secure sum as it lies on disk. */
export interface OpenedSum {
  readonly id: string
  readonly sum: Float64Array // of all values of the shared tensors
  readonly step: number // of the ring: a value is off by less, whichever way it was rounded
  readonly shared: AdapterShapes
  readonly survivors: number // how many updates it is of
}

/** Reads the sum of a round. Throws LoricaError LRC-5002 when it is not the one that was made. */
export async function openedSum(
  { disk, updatesFolder }: Sums,
  { runId, spec, round, start }: ClosedRound,
): Promise<OpenedSum> {
  const { survivors, file } = round.sum ?? { survivors: [], file: null }
  if (file === null) throw new RangeError('a round whose updates are summed unseen expected a sum, got none')
  const { shared } = tensorsOf(spec, start, round.round)
  const terms = sumTerms({ runId, spec }, round, shared)
  const bytes = await wholeFile(disk, updatePath(updatesFolder, runId, round.round, file.sha256))
  const received = createHash('sha256').update(bytes).digest('hex')
  if (received !== file.sha256)
    throw new LoricaError('LRC-5002', 'the sum of the updates is damaged on disk', {
      expected: file.sha256,
      received,
    })
  const sum = unpackRing(bytes, terms.elements, terms.ring.bits)
  const decoded = decodeFixedPoint(sum, terms.ring, survivors.length)
  const step = 2 ** -terms.ring.fractionBits
  return { id: file.sha256, sum: decoded, step, shared, survivors: survivors.length }
}
