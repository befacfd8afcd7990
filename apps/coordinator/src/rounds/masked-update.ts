/**
 * Updates that come masked: ring elements, `bits` bits each, and nothing else. What is in them cannot be looked at.
 * @module
 */
import { createHash } from 'node:crypto'
import { packedBytes, type SumTerms } from '@lorica/privacy'
import { LoricaError } from '@lorica/protocol'
import { type Disk, piecesOf } from '../store/disk.js'
import type { StagedCheck } from './intake.js'

/** The bytes of a masked update. */
export function maskedBytes({ elements, ring }: Pick<SumTerms, 'elements' | 'ring'>): number {
  return packedBytes(elements, ring.bits)
}

/**
 * Checks a masked update whose bytes are on their way to a file: its hash, and that nothing is after its last element. `finish` throws
 * LoricaError LRC-4006, after which it may be sent again, or LRC-4007.
 */
export function startMaskedCheck(disk: Disk, terms: SumTerms, sha256: string): StagedCheck {
  const sizeBytes = maskedBytes(terms)
  const usedBits = (terms.elements * terms.ring.bits) % 8 // of the last byte; 0: all
  const hash = createHash('sha256')
  let taken = 0
  let last = 0
  const take = (bytes: Uint8Array): void => {
    hash.update(bytes)
    taken += bytes.byteLength
    last = bytes.at(-1) ?? last
  }
  return {
    take(offset, bytes) {
      if (offset === taken && offset + bytes.byteLength <= sizeBytes) take(bytes)
    },
    async finish(path) {
      if (taken < sizeBytes) {
        let at = 0
        for await (const piece of piecesOf(disk, path)) {
          const fresh = piece.subarray(Math.max(0, Math.min(piece.byteLength, taken - at)))
          at += piece.byteLength
          if (fresh.byteLength > 0) take(fresh)
        }
      }
      const received = hash.digest('hex')
      if (received !== sha256)
        throw new LoricaError('LRC-4006', 'masked update does not have the announced hash', {
          expected: sha256,
          received,
        })
      if (usedBits > 0 && last >>> usedBits !== 0)
        throw new LoricaError('LRC-4007', 'masked update: something is after its last element', {
          expected: `zeros above bit ${usedBits} of the last byte`,
          received: String(last),
        })
      return { norm: null }
    },
  }
}
