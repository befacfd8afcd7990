import { type ErrorCode, LoricaError } from '@lorica/protocol'
import { expect, test } from 'vitest'
import type { Link } from './link.js'
import { whileLinked } from './patience.js'

const waits: number[] = []
const clock = {
  after(delayMs: number, act: () => void) {
    waits.push(delayMs)
    queueMicrotask(act)
    return () => {}
  },
}
const link: Pick<Link, 'ready'> = { ready: () => Promise.resolve() as never }

async function attempts(...codes: readonly ErrorCode[]): Promise<string> {
  const left = [...codes]
  return await whileLinked({ link, clock }, new AbortController().signal, async () => {
    const code = left.shift()
    if (code !== undefined) throw new LoricaError(code, code)
    return `after ${codes.length}`
  })
}

test('what a lost link or a full disk of the coordinator interrupts is tried again, the latter after a while', async () => {
  waits.length = 0
  expect(await attempts('LRC-1009', 'LRC-5005', 'LRC-5005', 'LRC-5009')).toBe('after 4')
  expect(waits).toEqual([200, 3000, 3000, 3000])
})

test.each(['LRC-4002', 'LRC-5004', 'LRC-6009'] as const)('%s is an answer', async (code) => {
  waits.length = 0
  await expect(attempts(code)).rejects.toMatchObject({ code })
  expect(waits).toEqual([])
})
