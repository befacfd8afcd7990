import { expect, test } from 'vitest'
import { createPace } from './pace.js'

const limits = { chunkBytes: 262_144, windowChunks: 8 }

test('a fast link soon has the whole window of full chunks under way', () => {
  const pace = createPace(limits)
  expect([pace.windowBytes(), pace.chunkBytes()]).toEqual([524_288, 262_144])
  for (let chunk = 0; chunk < 3; chunk++) pace.observe(pace.windowBytes(), 10)
  expect([pace.windowBytes(), pace.chunkBytes()]).toEqual([2_097_152, 262_144])
})

test('a slow link has no more under way than it sends in two seconds', () => {
  const pace = createPace(limits)
  pace.observe(524_288, 10_485.76) // 50 bytes a millisecond
  expect(pace.windowBytes()).toBe(100_000)
  expect(pace.chunkBytes()).toBe(50_000)
})

test('neither goes beyond what the coordinator takes, however small that is', () => {
  const pace = createPace({ chunkBytes: 1000, windowChunks: 3 })
  pace.observe(1000, 1)
  expect([pace.windowBytes(), pace.chunkBytes()]).toEqual([3000, 1000])
})
