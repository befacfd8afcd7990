import { LoricaError } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { expectRoom, readRoom } from './room.js'

const refusal = (act: () => void): LoricaError | undefined => {
  try {
    act()
    return undefined
  } catch (error) {
    return error as LoricaError
  }
}

test('5,000 connections and 200 uploads need 5,712 open files and 6,000 ports', () => {
  expect(refusal(() => expectRoom({ openFiles: 5712, ports: 6000 }, 5000, 200))).toBeUndefined()
  expect(refusal(() => expectRoom({ openFiles: null, ports: null }, 5000, 200))).toBeUndefined()
})

test('too few open files are told before anything starts, with the command that raises them', () => {
  const error = refusal(() => expectRoom({ openFiles: 5711, ports: 60_000 }, 5000, 200))
  expect(error).toBeInstanceOf(LoricaError)
  expect(error).toMatchObject({ code: 'LRC-8006', received: '5711' })
  expect(error?.action).toContain('ulimit -Hn 5712')
})

test('too few ports are told as well', () => {
  const error = refusal(() => expectRoom({ openFiles: 60_000, ports: 5999 }, 5000, 200))
  expect(error).toMatchObject({ code: 'LRC-8006', received: '5999' })
})

test.runIf(process.platform === 'linux')('this machine tells both limits', async () => {
  const { openFiles, ports } = await readRoom()
  expect(openFiles).toBeGreaterThan(100)
  expect(ports).toBeGreaterThan(100)
})
