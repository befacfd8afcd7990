import { expect, test } from 'vitest'
import { systemClock, wait } from './clock.js'

test('a delay beyond the longest timer of Node does not end at once', async () => {
  const { after } = systemClock()
  let rings = 0
  const cancel = after(2 ** 31 + 5, () => rings++) // a timer of Node would ring after 1 ms
  await new Promise((resolve) => setTimeout(resolve, 20))
  cancel()
  expect(rings).toBe(0)
})

test('a wait that is aborted rejects with the reason and leaves no timer', async () => {
  const cancelled: number[] = []
  const clock = { ...systemClock(), after: (delayMs: number) => () => void cancelled.push(delayMs) }
  const patience = new AbortController()
  const waiting = wait(clock, 5000, patience.signal)
  patience.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  expect(cancelled).toEqual([5000])
})
