import { accessSync, readFileSync, writeFileSync } from 'node:fs'
import { LoricaError } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { withCode } from './errors.js'

test.skipIf(process.platform !== 'linux')('a full disk has a code and a remedy of its own', async () => {
  const error = await failing(() => withCode('LRC-7001', () => writeFileSync('/dev/full', 'x'.repeat(9))))
  expect([error.code, error.message]).toEqual(['LRC-8003', 'the disk is full'])
  expect(error.action).toContain('Make room')
})

test('what the system refuses is said in words, under the code of what was read or written', async () => {
  const missing = await failing(() => withCode('LRC-6001', () => accessSync('/nowhere/text.txt')))
  expect([missing.code, missing.message]).toEqual([
    'LRC-6001',
    '/nowhere/text.txt: there is no such file or folder',
  ])
  const command = await failing(() => withCode('LRC-7004', () => writeFileSync('/nowhere/out', 'x')))
  expect(command.code).toBe('LRC-8003')
  const other = await failing(() =>
    withCode('LRC-7004', () => {
      throw new RangeError('A has 3 rows')
    }),
  )
  expect([other.code, other.message]).toEqual(['LRC-7004', 'A has 3 rows'])
  const folder = await failing(() => withCode('LRC-7003', () => readFileSync('/')))
  expect([folder.code, folder.message]).toEqual(['LRC-7003', 'expected a file, got a folder'])
})

async function failing(work: () => Promise<unknown>): Promise<LoricaError> {
  const error = await work().catch((thrown: unknown) => thrown)
  if (!(error instanceof LoricaError)) throw new Error(`expected a LoricaError, got ${String(error)}`)
  return error
}
