/**
 * One agent of a load: the whole protocol over one WebSocket, with the codec of the real one, and no training behind it.
 * It speaks engine.io 4 itself, so that thousands of them fit into one process.
 * @module
 */
import {
  connectText,
  createIdentity,
  decodePacket,
  encodePacket,
  errorOfProblem,
  FLEET_PATH,
  type Hello,
  type Identity,
  idOf,
  joinText,
  LoricaError,
  type Packet,
  parseHelloReply,
  parseJoined,
  parseJoinLink,
  proofHeaders,
  SOFTWARE,
  signText,
} from '@lorica/protocol'
import { WebSocket } from 'ws'

/** The answer to a message: `ok`, and its fields or a refusal. */
export type Answer = Readonly<Record<string, unknown>>

/** A connected agent that has said hello. */
export interface LightAgent {
  readonly name: string
  readonly windowBytes: number // sent before the first answer is awaited
  readonly chunkBytes: number
  /** Sends a message and resolves with its answer. Throws the refusal when there is one. */
  request(event: string, message: unknown): Promise<Answer>
  close(): void
}

/** Hears what the coordinator sends of itself: assignments, releases, ends of runs. */
export type Listener = (event: string, message: unknown) => void

const OPEN_MS = 30_000

/** Takes a fresh key into the fleet of a join link. Throws the refusal of the coordinator. */
export async function enrol(link: string, name: string, labels: Readonly<Record<string, string>>) {
  const identity = createIdentity()
  const { url, token, secretSha256, fingerprint } = parseJoinLink(link)
  const coordinatorId = Buffer.from(fingerprint, 'base64url').toString('hex').slice(0, 32)
  const signature = signText(identity, joinText(coordinatorId, name, secretSha256))
  const { publicKey } = identity
  const joined = parseJoined(
    await post(`${url}/api/v1/agents/join`, { token, name, labels, publicKey, signature }),
  )
  if (joined.agentId !== idOf(publicKey)) throw new Error('the coordinator took another key in')
  return { identity, url, coordinatorId: joined.coordinatorId }
}

/** Proves the key, connects and says hello. */
export async function connect(
  name: string,
  { identity, url, coordinatorId }: { identity: Identity; url: string; coordinatorId: string },
  listen: Listener,
): Promise<LightAgent> {
  const { nonce } = (await post(`${url}/api/v1/agents/challenge`, { publicKey: identity.publicKey })) as {
    nonce: string
  }
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${FLEET_PATH}?EIO=4&transport=websocket`, {
    headers: {
      [proofHeaders.agent]: identity.publicKey,
      [proofHeaders.nonce]: nonce,
      [proofHeaders.signature]: signText(identity, connectText(coordinatorId, nonce)),
    },
    perMessageDeflate: false,
    handshakeTimeout: OPEN_MS,
  })
  const waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>()
  let lastId = 0
  const send = (packet: Packet): void => socket.send(encodePacket(packet))
  const request = async (event: string, message: unknown): Promise<Answer> => {
    const id = lastId++
    const answer = await new Promise<Answer>((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      send({ type: 2, nsp: '/', id, data: [event, message] })
    })
    if (answer.ok === true) return answer
    const { code, message: why } = (answer.refusal ?? {}) as { code?: string; message?: string }
    throw new Error(`${name}: ${event} was refused: ${code} ${why}`)
  }
  const take = ({ type, id, data }: Packet): void => {
    if (type === 3 && id !== undefined) {
      waiting.get(id)?.resolve((data as [Answer])[0])
      waiting.delete(id)
    }
    if (type !== 2) return
    if (id !== undefined) send({ type: 3, nsp: '/', id, data: [{ ok: true }] })
    const [event, message] = data as [string, unknown]
    listen(event, message)
  }
  await new Promise<void>((resolve, reject) => {
    const lost = (why: string): void => {
      const error = new LoricaError('LRC-1009', `${name}: ${why}`)
      reject(error)
      for (const { reject: fail } of waiting.values()) fail(error)
      waiting.clear()
    }
    socket.on('error', ({ message }) => lost(message))
    socket.on('close', (code) => lost(`the connection was closed with ${code}`))
    socket.on('message', (bytes: Buffer, isBinary) => {
      if (!isBinary) {
        const kind = bytes[0]
        if (kind === 0x30) send({ type: 0, nsp: '/' }) // open: join the namespace
        if (kind === 0x32) socket.send('3') // ping
        return
      }
      const packet = decodePacket(bytes)
      if (packet.type === 0) resolve()
      else take(packet)
    })
  })
  const { limits } = parseHelloReply(await request('hello', helloOf()))
  return {
    name,
    chunkBytes: limits.chunkBytes,
    windowBytes: limits.windowChunks * limits.chunkBytes,
    request,
    close: () => socket.terminate(),
  }
}

function helloOf(): Hello {
  return {
    protocol: 1,
    software: SOFTWARE,
    device: {
      kind: 'cuda',
      threads: 8,
      memoryBytes: 32 * 2 ** 30,
      gpu: { name: 'NVIDIA GeForce RTX 4070', memoryBytes: 12 * 2 ** 30 },
    },
    dataset: { documents: 1200, tokens: 480_000 },
  }
}

async function post(url: string, body: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(OPEN_MS),
  })
  const answer: unknown = await response.json()
  if (response.ok) return answer
  throw errorOfProblem(answer) ?? new Error(`${url} answered with HTTP status ${response.status}`)
}
