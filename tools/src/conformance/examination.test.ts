import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCoordinator } from '@lorica/coordinator'
import { LoricaError } from '@lorica/protocol'
import { afterEach, expect, test } from 'vitest'
import { examine } from './examination.js'
import { openOperator } from './operator.js'
import type { Finding } from './statement.js'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A coordinator with a folder of its own. */
async function serve() {
  const dir = await mkdtemp(join(tmpdir(), 'lorica-conformance-'))
  closing.push(() => rm(dir, { recursive: true, force: true }))
  const coordinator = await startCoordinator({ dir, host: '127.0.0.1', port: 0, leaseMs: 300 }, () => {})
  closing.push(() => coordinator.close())
  return coordinator
}

/** A coordinator made wrong: what stands before it may change each part of what it answers, or lose what it is sent. */
interface Wrong {
  readonly answers?: (text: string) => string // of the same length
  readonly loses?: (part: Buffer) => boolean
}

/** The join link of a coordinator that is wrong in one respect. */
async function serveWrong({ answers = (text) => text, loses = () => false }: Wrong): Promise<string> {
  const { url, join: link } = await serve()
  const open = new Set<Socket>()
  const server = createServer((near) => {
    const far = dial(Number(new URL(url).port), '127.0.0.1')
    near.on('data', (part: Buffer) => loses(part) || far.write(part))
    far.on('data', (part: Buffer) => near.write(Buffer.from(answers(part.toString('latin1')), 'latin1')))
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one)
      one.on('error', () => one.destroy())
      one.on('end', () => other.end())
      one.on('close', () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return link.replace(new URL(url).port, String((server.address() as AddressInfo).port))
}

const states = (findings: readonly Finding[]) => {
  const of = (state: Finding['state']) => findings.filter((finding) => finding.state === state)
  return { holds: of('holds').length, fails: of('fails'), unexamined: of('not examined') }
}

test('every statement holds for the coordinator of this repository; those of half a minute are not looked at', async () => {
  const { url, adminToken, join: link } = await serve()
  const operator = openOperator(url, adminToken, 10_000)
  const { holds, fails, unexamined } = states(await examine(link, { operator, patienceMs: 14_000 }))
  expect(fails).toEqual([])
  expect(holds).toBe(68)
  expect(unexamined.map(({ received }) => received)).toEqual([
    'the link is to plain HTTP',
    'it takes 28 s',
    'it takes 23 s',
    'it takes 33 s',
  ])
  const members = (await operator.agents()).filter(({ state }) => state !== 'left')
  expect(members).toEqual([])
})

test('without an operator it is said what could not be looked at, and a link that has expired may be given', async () => {
  const { url, adminToken, join: link } = await serve()
  const expiredLink = await openOperator(url, adminToken, 10_000).invite({ expires: '1ms' })
  const { fails, unexamined } = states(await examine(link, { expiredLink, patienceMs: 0 }))
  expect(fails).toEqual([])
  expect(unexamined.filter(({ received }) => received.includes('--token'))).toHaveLength(4)
  expect(unexamined).toHaveLength(4 + 1 + 6)
})

const swap = (from: string, to: string) => (text: string) => text.replaceAll(from, to)
const wrongs: readonly (readonly [string, Wrong, string, string])[] = [
  [
    'confirms a join with another signature',
    {
      answers: (text) =>
        text.replace(
          /("agentId".*"signature":")(.)/,
          (_, before, first) => before + (first === 'A' ? 'B' : 'A'),
        ),
    },
    'a join is confirmed',
    'not signed by the pinned key',
  ],
  [
    'names a wrong secret otherwise',
    { answers: swapOne('LRC-2002', 'LRC-2009', 2) },
    'another secret',
    'LRC-2009',
  ],
  [
    'takes a used proof for an unknown key',
    { answers: swapOne('LRC-2005', 'LRC-2006', 3) },
    'used before',
    'LRC-2006',
  ],
  [
    'names a rotation that is not signed otherwise',
    { answers: swapOne('LRC-2004', 'LRC-2009', 6) },
    'rotation that the next key has not signed',
    'LRC-2009',
  ],
  ['tells the time under another name', { answers: swap('nowMs', 'nowUs') }, 'hello in version 2', 'nowUs'],
  [
    'names an unknown message otherwise',
    { answers: swap('LRC-1011', 'LRC-1006') },
    'no version has',
    'LRC-1006',
  ],
  [
    'answers with bytes that are no packet',
    { answers: swap('\xa8LRC-1011', '\xc1LRC-1011') },
    'no version has',
    'forbidden type',
  ],
  [
    'has nothing against text',
    { loses: (part) => part[0] === 0x81 && part.byteLength === 12 },
    'a text frame',
    'open',
  ],
]

/** Swaps only the occurrence `at`, counted from one. */
function swapOne(from: string, to: string, at: number): (text: string) => string {
  let seen = 0
  return (text) => text.replaceAll(from, () => (++seen === at ? to : from))
}

test.each(wrongs)('a coordinator that %s fails exactly there', async (_, wrong, statement, received) => {
  const { fails } = states(await examine(await serveWrong(wrong), { waitMs: 4000, patienceMs: 0 }))
  expect(fails).toEqual([
    expect.objectContaining({
      statement: expect.stringContaining(statement),
      received: expect.stringContaining(received),
    }),
  ])
})

test('a link that is none is an error, and no statement', async () => {
  await expect(examine('http://127.0.0.1:1')).rejects.toThrow(LoricaError)
})
