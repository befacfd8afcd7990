import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  FLEET_PATH,
  LoricaError,
  parser,
  parseUpdateChunk,
  parseUpdateClose,
  parseUpdateOpen,
  refusalOf,
  type UpdateOpen,
} from '@lorica/protocol'
import { Server, type Socket } from 'socket.io'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import { systemRandom } from '../random.js'
import { type Link, openLink } from './link.js'
import { createPace } from './pace.js'
import { whileLinked } from './patience.js'
import { openSocket } from './socket.js'
import { upload } from './upload.js'

const clock = systemClock()

const content = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 11 + (index >> 9)) % 249)
const update: UpdateOpen = {
  assignmentId: 'a7',
  sha256: createHash('sha256').update(content).digest('hex'),
  sizeBytes: content.byteLength,
  ...{ examples: 160, tokens: 20_000, trainMs: 812.5, lossFirst: 4.25, lossLast: 3.75 },
}
const limits = { chunkBytes: 16_384, windowChunks: 4 }
const never = new AbortController().signal

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

test('an update arrives whole, in order, and is answered with a receipt', async () => {
  const coordinator = await startCoordinator()
  const receipt = await send(coordinator.link)
  expect(receipt).toEqual({ updateSha256: update.sha256, round: 3, acceptedAt: '2026-05-04T03:02:01Z' })
  expect(Buffer.concat(coordinator.received()).equals(content)).toBe(true)
})

test('a lost link costs at most one window of bytes sent twice', async () => {
  const coordinator = await startCoordinator({ dropAt: 131_072 })
  await send(coordinator.link)
  expect(Buffer.concat(coordinator.received()).equals(content)).toBe(true)
  expect(coordinator.openedAt()).toEqual([0, 131_072])
  expect(coordinator.bytesSeen()).toBeLessThanOrEqual(
    content.byteLength + limits.chunkBytes * limits.windowChunks,
  )
})

test('an upload goes on from the offset that the coordinator has', async () => {
  const coordinator = await startCoordinator({ present: content.subarray(0, 200_000) })
  await send(coordinator.link)
  expect(coordinator.bytesSeen()).toBe(100_000)
  expect(Buffer.concat(coordinator.received()).equals(content)).toBe(true)
})

test('an update that was accepted before is not sent again', async () => {
  const receipt = { updateSha256: update.sha256, round: 2, acceptedAt: '2026-01-02T03:04:05Z' }
  const coordinator = await startCoordinator({ receipt })
  expect(await send(coordinator.link)).toEqual(receipt)
  expect(coordinator.bytesSeen()).toBe(0)
})

test('a refused offset is answered by opening again', async () => {
  const coordinator = await startCoordinator({ refuseOnceAt: 65_536 })
  await send(coordinator.link)
  expect(coordinator.openedAt()).toEqual([0, 65_536])
  expect(Buffer.concat(coordinator.received()).equals(content)).toBe(true)
})

test('a refusal of the update reaches the caller with its code', async () => {
  const coordinator = await startCoordinator({
    refuseClose: new LoricaError('LRC-4012', 'norm 9 is above 2'),
  })
  await expect(send(coordinator.link)).rejects.toMatchObject({
    code: 'LRC-4012',
    message: 'norm 9 is above 2',
  })
})

test('a receipt for another update is refused', async () => {
  const receipt = { updateSha256: 'ab'.repeat(32), round: 2, acceptedAt: '2026-01-02T03:04:05Z' }
  const coordinator = await startCoordinator({ receipt })
  await expect(send(coordinator.link)).rejects.toMatchObject({
    code: 'LRC-1012',
    received: receipt.updateSha256,
  })
})

test('a coordinator that never accepts a byte is given up', async () => {
  const coordinator = await startCoordinator({ refuseAlways: true })
  await expect(send(coordinator.link)).rejects.toMatchObject({ code: 'LRC-4005' })
  expect(coordinator.openedAt()).toHaveLength(4)
})

function send(link: Link) {
  return whileLinked({ link, clock }, never, () =>
    upload(update, {
      request: link.request,
      pace: createPace(limits),
      clock,
      read: async (offset, length) => content.slice(offset, offset + length),
    }),
  )
}

interface Behaviour {
  readonly present?: Uint8Array
  readonly dropAt?: number
  readonly refuseOnceAt?: number
  readonly refuseAlways?: boolean
  readonly refuseClose?: LoricaError
  readonly receipt?: { readonly updateSha256: string; readonly round: number; readonly acceptedAt: string }
}

/** The receiving end of an upload on a real socket, strict about offsets. */
async function startCoordinator(behaviour: Behaviour = {}) {
  const parts: Uint8Array[] = behaviour.present === undefined ? [] : [behaviour.present]
  const opened: number[] = []
  let offset = behaviour.present?.byteLength ?? 0
  let seen = 0
  let hasMisbehaved = false
  const serve = (socket: Socket): void => {
    socket.on('hello', ({ protocol }, answer) => {
      answer({ ok: true, protocol, coordinatorId: 'c'.repeat(32), limits })
    })
    socket.on('update.open', (raw, answer) => {
      parseUpdateOpen(raw)
      opened.push(offset)
      const { receipt } = behaviour
      answer({ ok: true, uploadId: 'u1', offset, ...(receipt === undefined ? {} : { receipt }) })
    })
    socket.on('update.chunk', (raw, answer) => {
      const chunk = parseUpdateChunk(raw)
      seen += chunk.bytes.byteLength
      if (!hasMisbehaved && chunk.offset === behaviour.dropAt) {
        hasMisbehaved = true
        socket.conn.close()
        return
      }
      const isUnknown = behaviour.refuseAlways === true
      const isRefused = !hasMisbehaved && chunk.offset === behaviour.refuseOnceAt
      if (isUnknown || isRefused || chunk.offset !== offset) {
        hasMisbehaved = true
        const code = isUnknown ? 'LRC-4005' : 'LRC-4004'
        answer({ ok: false, refusal: refusalOf(new LoricaError(code, `expected offset ${offset}`)) })
        return
      }
      parts.push(chunk.bytes.slice())
      offset += chunk.bytes.byteLength
      answer({ ok: true, offset })
    })
    socket.on('update.close', (raw, answer) => {
      parseUpdateClose(raw)
      if (behaviour.refuseClose !== undefined) {
        answer({ ok: false, refusal: refusalOf(behaviour.refuseClose) })
        return
      }
      const updateSha256 = createHash('sha256').update(Buffer.concat(parts)).digest('hex')
      answer({ ok: true, receipt: { updateSha256, round: 3, acceptedAt: '2026-05-04T03:02:01Z' } })
    })
  }
  const http = createServer()
  const io = new Server(http, {
    path: FLEET_PATH,
    parser,
    transports: ['websocket'],
    addTrailingSlash: false,
  })
  io.on('connection', serve)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const link = openLink({
    pin: 'none: there is no TLS',
    ...{ clock, random: systemRandom(), openSocket },
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    proof: async () => ({}),
    hello: () => ({
      software: 'test',
      device: { kind: 'cpu', threads: 2, memoryBytes: 5 },
      dataset: { documents: 4 },
    }),
    on: {
      ...{ assignment: () => {}, release: () => {}, trust: () => {}, target: () => {}, runEnded: () => {} },
      ...{ connected: () => {}, disconnected: () => {}, refused: () => {}, summed: () => {} },
    },
  })
  open.push(async () => {
    link.close()
    await io.close()
  })
  return { link, received: () => parts, openedAt: () => opened, bytesSeen: () => seen }
}
