import { type Assignment, LoricaError } from '@lorica/protocol'

/** What an assignment is going to add to the disk, in bytes. */
export interface SpaceNeeds {
  readonly baseBytes: number // of the base that is not here yet
  readonly adapterBytes: number // of the adapter that is not here yet
  readonly weightBytes: number // of the weights of the adapter
  readonly hasPersonal: boolean // parts of them are kept here
  readonly dataBytes: number // of the private files, which are tokenised into a file that passes
}

const MARGIN_BYTES = 16 * 1024 * 1024
const KEPT_TENSORS = 4 // each as large as the weights: the update, what rounding kept back, and two moments
const OWN_TENSORS = 3 // at the most: the own parts, those before, and a release with them

/** Bytes that have to be free before an assignment is begun. */
export function neededBytes(kind: Assignment['kind'], needs: SpaceNeeds): number {
  const { baseBytes, adapterBytes, weightBytes, hasPersonal, dataBytes } = needs
  const tensors = KEPT_TENSORS + (hasPersonal ? OWN_TENSORS : 0)
  const kept = kind === 'train' ? tensors * weightBytes : 0
  return baseBytes + adapterBytes + kept + dataBytes + MARGIN_BYTES
}

/** Throws LRC-6016, with the megabytes that are missing, when less is free than needed; null: nobody knows what is free. */
export function expectSpace(needed: number, freeBytes: number | null): void {
  if (freeBytes === null || freeBytes >= needed) return
  const missing = megabytes(needed - freeBytes)
  throw new LoricaError('LRC-6016', `${missing} MB are missing on the disk of this agent`, {
    expected: `${megabytes(needed)} MB for the base, the adapter and the update`,
    received: `${Math.floor(freeBytes / 1e6)} MB`,
  })
}

const megabytes = (sizeBytes: number): number => Math.ceil(sizeBytes / 1e6)
