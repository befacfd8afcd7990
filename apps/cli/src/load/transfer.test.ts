import { describe, expect, test } from 'vitest'
import { sendWindowed } from './transfer.js'

describe('sendWindowed', () => {
  test('sends every byte once, in order, and never more than the window unanswered', async () => {
    const sent: [number, number][] = []
    let unanswered = 0
    let most = 0
    await sendWindowed(
      { offset: 30, sizeBytes: 257, chunkBytes: 20, windowBytes: 65 },
      async (offset, length) => {
        sent.push([offset, length])
        unanswered += length
        most = Math.max(most, unanswered)
        await new Promise((resolve) => setImmediate(resolve))
        unanswered -= length
      },
    )
    expect(sent[0]).toEqual([30, 20])
    expect(sent.at(-1)).toEqual([250, 7])
    expect(sent).toHaveLength(12)
    expect(most).toBe(60)
  })

  test('stops at the first refusal', async () => {
    const sent: number[] = []
    const sending = sendWindowed(
      { offset: 0, sizeBytes: 100, chunkBytes: 10, windowBytes: 20 },
      async (offset) => {
        sent.push(offset)
        if (offset === 20) throw new Error('round is closed')
      },
    )
    await expect(sending).rejects.toThrow('round is closed')
    expect(sent.length).toBeLessThan(6)
  })
})
