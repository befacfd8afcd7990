/**
 * Which pieces of data are copies of an earlier one, by 64 bits of their SHA-256, at 16 to 32 bytes a piece.
 * @module
 */
import { createHash } from 'node:crypto'
import { createGrown } from './grown.js'

export interface Firsts {
  /** Adds a piece and returns the index of the first that is equal: its own, when there is none before. */
  add(bytes: Uint8Array): number
}

export function createFirsts(): Firsts {
  const high = createGrown(Uint32Array)
  const low = createGrown(Uint32Array)
  let slots = new Uint32Array(1024) // 1 + index of a piece, or 0; at most half are taken
  const slotOf = (of: number): number => {
    const mask = slots.length - 1
    let slot = low.at(of) & mask
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const other = (slots[slot] as number) - 1
      if (high.at(other) === high.at(of) && low.at(other) === low.at(of)) return slot
    }
    return slot
  }
  const enlarge = (): void => {
    const taken = slots.filter((entry) => entry !== 0)
    slots = new Uint32Array(2 * slots.length)
    for (const entry of taken) slots[slotOf(entry - 1)] = entry
  }
  return {
    add(bytes) {
      const digest = createHash('sha256').update(bytes).digest()
      const index = high.length
      high.push(digest.readUInt32LE(0))
      low.push(digest.readUInt32LE(4))
      if (2 * high.length > slots.length) enlarge()
      const slot = slotOf(index)
      if (slots[slot] === 0) slots[slot] = index + 1
      return (slots[slot] as number) - 1
    },
  }
}
