import { resolve } from 'node:path'
import { agentNameSchema } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { defaultName, parseConfig } from './config.js'

const link = 'http://127.0.0.1:4411#secret.print'

test('a join is read with everything that can be given', () => {
  const args = [
    'join',
    link,
    '--dir',
    'd',
    '--data',
    'a.txt',
    'b.txt',
    '--name',
    'oslo 2',
    '--label',
    'site=oslo',
  ]
  expect(parseConfig([...args, '--label', 'gpu=no', '--threads', '3', '--base', 'm', '--json'])).toEqual({
    ...{ command: 'join', link, folder: resolve('d'), data: [resolve('a.txt'), resolve('b.txt')] },
    ...{
      name: 'oslo 2',
      labels: { site: 'oslo', gpu: 'no' },
      threads: 3,
      base: resolve('m'),
      insecure: false,
      ...{ system: false, dryRun: false },
      json: true,
      logFormat: 'text',
    },
  })
})

test('files may come one by one and before the link', () => {
  const config = parseConfig(['join', '--data', 'a.txt', '--data', 'b.txt', link, '--dir', 'd'])
  expect(config.data).toEqual([resolve('a.txt'), resolve('b.txt')])
  expect(config.link).toBe(link)
})

test('a start needs a folder only', () => {
  expect(parseConfig(['start', '--dir', 'd'])).toEqual({
    ...{
      command: 'start',
      folder: resolve('d'),
      data: [],
      labels: {},
      insecure: false,
      system: false,
      dryRun: false,
      json: false,
      logFormat: 'text',
    },
  })
})

test.each([
  [['train'], 'unknown command "train"'],
  [['start', link], `unexpected argument "${link}"`],
  [['join', link, '--threads', '2.5'], '--threads "2.5"'],
  [['join', link, '--label', 'oslo'], '--label "oslo"'],
  [['join', link, '--name', '/etc'], '--name "/etc"'],
  [['join', link, '--dta', 'x'], '--dta'],
])('%j is refused by its argument', (args, message) => {
  expect(() => parseConfig(args)).toThrow(expect.objectContaining({ code: 'LRC-8001' }))
  expect(() => parseConfig(args)).toThrow(message)
})

test('the default name is one that a coordinator takes', () => {
  expect(agentNameSchema.safeParse(defaultName()).success).toBe(true)
})

test('a port is a number of one, or any', () => {
  expect(parseConfig(['serve', '--port', '0', '--dir', 'd'])).toMatchObject({ command: 'serve', port: 0 })
  for (const port of ['65536', '-1', '1.5', 'x'])
    expect(() => parseConfig(['serve', `--port=${port}`])).toThrow('--port')
})
