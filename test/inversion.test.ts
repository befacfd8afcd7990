import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runLorica } from './support/lorica.js'
import { tryLorica } from './support/service.js'

const model = fileURLToPath(new URL('../models/moby-dick', import.meta.url))
const attack = ['privacy', 'attack', 'inversion', '--model', model]

interface Inversion {
  readonly tokens: number
  readonly chance: number
  readonly views: readonly {
    readonly view: string
    readonly named: number
    readonly placed: number
    readonly text: string
  }[]
}

test('the update of one step on a short text gives the text away; noise and masks do not', async () => {
  const text = 'My pin is 4417.'
  const { tokens, chance, views } = await runLorica<Inversion>([...attack, '--text', text, '--rank', '16'])
  expect(tokens).toBeGreaterThan(6)
  expect(chance).toBeLessThan(0.02)
  const [plain, clipped, noisy, masked] = views
  expect(plain).toEqual({ view: 'plain update', named: tokens, placed: tokens, text })
  expect(clipped).toEqual({ view: 'clipped update', named: tokens, placed: tokens, text })
  expect([noisy?.view, masked?.view]).toEqual(['clipped update with noise', 'masked update'])
  for (const view of [noisy, masked]) expect(view?.named).toBeLessThan(tokens / 2) // guessing names fewer than one
})

test('a text of as many tokens as the rank is refused: its update spans every direction', async () => {
  const { status, stderr } = await tryLorica([...attack, '--text', 'The whale was white.', '--rank', '4'])
  expect([status, stderr]).toEqual([2, expect.stringContaining('fewer than the rank')])
})
