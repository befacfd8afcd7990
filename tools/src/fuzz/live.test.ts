import { expect, test } from 'vitest'
import { besiege } from './live.js'

test('a coordinator under attack over real sockets stays up, answers an honest agent, names a code for each refusal and keeps nothing', async () => {
  const siege = await besiege({ frames: 128, requests: 32, rounds: 4, seed: 20_26 })
  expect(siege.problems).toEqual([])
  expect(siege.sentBytes).toBeGreaterThan(15_000_000)
  expect(siege.answers).toBeGreaterThan(30)
  expect(Object.keys(siege.codes).length).toBeGreaterThan(15)
})
