import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { encodePacket, limits } from '@lorica/protocol'
import { modelFolder } from './adapter.js'
import { createIntruder, type Intruder } from './intruder.js'
import { type RawLink, upgradeText, webSocketFrame } from './raw-link.js'
import type { Served } from './served.js'

/** Connections that are kept open, and give or take next to nothing. */
export interface SlowPeers {
  readonly count: number
  /** Those that the coordinator has not ended, by what they do. */
  open(): readonly string[]
  sentBytes(): number
  close(): void
}

const DRIP_MS = 50

/** Opens a few of each kind: headers, bodies and frames a byte at a time, silence, and agents that ask and never read. */
export async function startSlowPeers(served: Served, each: number): Promise<SlowPeers> {
  const open = new Map<object, string>()
  const closing: (() => void)[] = []
  const intruders: Intruder[] = []
  let count = 0

  function keep(name: string, peer: object, closed: Promise<unknown>): void {
    count++
    open.set(peer, name)
    void closed.then(() => open.delete(peer))
  }

  function everyDrip(peer: object, act: () => void): void {
    const timer = setInterval(() => open.has(peer) && act(), DRIP_MS)
    closing.push(() => clearInterval(timer))
  }

  function drip(peer: object, bytes: Uint8Array, write: (part: Uint8Array) => void): void {
    let at = 0
    everyDrip(peer, () => at < bytes.byteLength - 1 && write(bytes.subarray(at, ++at)))
  }

  function stranger(name: string, text = ''): void {
    const { hostname, port } = new URL(served.url)
    const socket = connect(Number(port), hostname)
    closing.push(() => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.resume()
    keep(name, socket, new Promise((resolve) => socket.once('close', resolve)))
    drip(socket, Buffer.from(text), (part) => socket.write(part))
  }

  async function member(name: string): Promise<RawLink> {
    const intruder = await createIntruder(served, 'intruder')
    intruders.push(intruder)
    const link = await intruder.link(true)
    keep(name, link, link.closed)
    return link
  }

  async function slowFrame(): Promise<void> {
    const link = await member('a frame a byte at a time')
    const message = encodePacket({ type: 2, nsp: '/', data: ['lorem', new Uint8Array(60_000)] })
    drip(link, webSocketFrame(message), (part) => link.write(part))
  }

  async function deaf(sha256: string): Promise<void> {
    const link = await member('questions, and answers that are not read')
    link.stopReading()
    let id = 0
    const question = { sha256, offset: 0, length: limits.chunkBytes }
    everyDrip(link, () => link.say({ type: 2, nsp: '/', id: ++id, data: ['blob.read', question] }))
  }

  const file = await readFile(new URL('model.safetensors', modelFolder))
  const sha256 = createHash('sha256').update(file).digest('hex')
  const join = `POST /api/v1/agents/join HTTP/1.1\r\nHost: c\r\nContent-Type: application/json\r\nContent-Length: 3000\r\n\r\n`
  for (let index = 0; index < each; index++) {
    stranger('silence')
    stranger('headers a byte at a time', upgradeText({ 'X-Long': 'a'.repeat(4000) }))
    stranger('a body a byte at a time', `${join}${'['.repeat(2999)}`)
    await slowFrame()
    await deaf(sha256)
  }
  return {
    count,
    open: () => [...open.values()],
    sentBytes: () => intruders.reduce((sum, intruder) => sum + intruder.sentBytes(), 0),
    close() {
      for (const act of closing) act()
      for (const intruder of intruders) intruder.leave()
    },
  }
}
