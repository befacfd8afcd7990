import { createHash } from 'node:crypto'
import { decodeSafetensors, encodeSafetensors, rawTensor } from '@lorica/peft-core'
import { describe, expect, test } from 'vitest'
import { syntheticUpdates } from './synthetic-update.js'

const adapter = encodeSafetensors(
  new Map([
    ['a.lora_A.weight', rawTensor({ shape: [2, 5], data: new Float32Array(10) })],
    ['b.lora_B.weight', rawTensor({ shape: [3, 2], data: new Float32Array(6) })],
  ]),
)

/** An update put together from ranges of `length` bytes. */
function whole(index: number, length: number): Uint8Array {
  const updates = syntheticUpdates(adapter)
  const parts: Uint8Array[] = []
  for (let at = 0; at < updates.sizeBytes; at += length)
    parts.push(updates.range(index, at, Math.min(length, updates.sizeBytes - at)))
  return Buffer.concat(parts)
}

describe('syntheticUpdates', () => {
  test.each([3, 7, 64, 4096])('ranges of %i bytes add up to what was announced', (length) => {
    const bytes = whole(41, length)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(syntheticUpdates(adapter).sha256(41))
  })

  test('updates differ in their last value and have the shapes of the adapter', () => {
    const [one, other] = [whole(2, 50), whole(3, 50)].map((bytes) => decodeSafetensors(bytes))
    expect(one!.get('a.lora_A.weight')!.shape).toEqual([2, 5])
    expect([...one!.keys()]).toEqual(['a.lora_A.weight', 'b.lora_B.weight'])
    expect(Buffer.compare(whole(2, 50).subarray(0, -4), whole(3, 50).subarray(0, -4))).toBe(0)
    expect(one).not.toEqual(other)
  })
})
