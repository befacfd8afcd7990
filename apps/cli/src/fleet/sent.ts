import type { RoundRecord } from '@lorica/protocol'
import { bytes } from '../screen/format.js'

/** What the agents of a round sent, and how many times less than in f32. */
export function sentText({ bytesUp, bytesUpAsF32 = bytesUp }: RoundRecord): string {
  const times = bytesUpAsF32 / Math.max(1, bytesUp)
  return times < 1.05 ? bytes(bytesUp) : `${bytes(bytesUp)} (${times.toFixed(1)} times less)`
}
