import { decodeFrame, LoricaError } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { holdFrames } from './hold.js'

test('four thousand hostile frames are decoded or refused with a code, and none changes a prototype', () => {
  const { frames, refused, decoded, messages } = holdFrames(4000, 20_26)
  expect(decoded + Object.values(refused).reduce((sum, count) => sum + count, 0)).toBe(frames)
  expect(Object.keys(refused).sort()).toEqual(['LRC-1001', 'LRC-1003', 'LRC-1004', 'LRC-1005', 'LRC-1006'])
  expect(decoded).toBeGreaterThan(100)
  expect(messages).toBeGreaterThan(10)
})

test('the same seed gives the same frames', () => {
  expect(holdFrames(300, 7).refused).toEqual(holdFrames(300, 7).refused)
  expect(holdFrames(300, 7).refused).not.toEqual(holdFrames(300, 8).refused)
})

test('each of the 256 extension types is refused in each of its forms', () => {
  for (let type = 0; type < 256; type++) {
    const forms = [1, 2, 4, 8, 16].map((size, index) => [0xd4 + index, type, ...new Uint8Array(size)])
    const long = [
      [0xc7, 3, type, 1, 2, 3],
      [0xc8, 0, 3, type, 1, 2, 3],
      [0xc9, 0, 0, 0, 3, type, 1, 2, 3],
    ]
    for (const form of [...forms, ...long]) {
      let code = 'passed'
      try {
        decodeFrame(Uint8Array.from([0x92, 5, ...form]))
      } catch (error) {
        code = error instanceof LoricaError ? error.code : String(error)
      }
      expect(code, `extension ${type}`).toBe('LRC-1005')
    }
  }
})
