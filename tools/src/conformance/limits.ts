import { connect } from 'node:net'
import { createIdentity, createToken, encodePacket, limits } from '@lorica/protocol'
import type { Answer, Candidate } from './candidate.js'
import { introduced } from './conversation.js'
import { leave } from './invitations.js'
import { problemIn, refusalIn } from './joining.js'
import type { Statement, Unexamined } from './statement.js'
import { vectorOf } from './vectors.js'
import type { Wire } from './wire.js'

const ID = 77
const nothing = { sha256: '0'.repeat(64), offset: 0, length: 1 }

/** A frame of a message whose fields are wrong. */
const wrongMessage = (message: unknown): Uint8Array =>
  encodePacket({ type: 2, nsp: '/', id: ID, data: ['blob.read', message] })

/** A frame of exactly as many bytes. */
function frameOfBytes(bytes: number): Uint8Array {
  const spare = wrongMessage(new Uint8Array(bytes - 1000)).byteLength - (bytes - 1000)
  return wrongMessage(new Uint8Array(bytes - spare))
}

const VALUES_AROUND = 7 // of an event: two lists, the type, the namespace, the id, the name, and the list that is its message
const CONTAINERS_AROUND = 2 // of them containers, without the message

function nested(containers: number): unknown {
  return containers === 0 ? null : [nested(containers - 1)]
}

/** What sections 1 to 3 say may still be done, where a limit is, and what comes of going beyond it. */
export const bounds: readonly Statement[] = [
  taken(`a frame of ${limits.frameBytes} bytes`, 'LRC-1007', (wire) =>
    wire.ask(ID, frameOfBytes(limits.frameBytes)),
  ),
  taken(`a frame of ${limits.frameNodes} values`, 'LRC-1007', (wire) =>
    wire.ask(ID, wrongMessage(new Array(limits.frameNodes - VALUES_AROUND).fill(null))),
  ),
  taken(`a frame with ${limits.frameDepth} containers inside each other`, 'LRC-1007', (wire) =>
    wire.ask(ID, wrongMessage(nested(limits.frameDepth - CONTAINERS_AROUND))),
  ),
  taken(`a chunk of ${limits.chunkBytes} bytes`, 'LRC-4005', (wire) =>
    wire.say('update.chunk', { uploadId: 'u1', offset: 0, bytes: new Uint8Array(limits.chunkBytes) }),
  ),
  {
    section: '3',
    statement: '64 messages that are sent at once are all answered',
    expected: '64 of 64: LRC-3008',
    observe: (candidate) =>
      over(candidate, async (wire) => {
        const replies = await Promise.all(Array.from({ length: 64 }, () => wire.say('blob.read', nothing)))
        const codes = replies.map(codeIn)
        return `${codes.length} of 64: ${[...new Set(codes)].join(', ')}`
      }),
  },
  {
    section: '2',
    statement: 'a message in 64 fragments is taken, and one in 65 costs the connection',
    expected: 'answered, then closed',
    observe: (candidate) =>
      over(candidate, async (wire) => {
        const { id, bytes } = vectorOf(2, 'blob.read')
        const answer = wire.answerTo(id)
        wire.sendInParts(bytes, 64)
        const word = codeIn(await answer) === 'LRC-3008' ? 'answered' : 'refused'
        wire.sendInParts(bytes, 65)
        return `${word}, then ${(await wire.isClosed()) ? 'closed' : 'open'}`
      }),
  },
  {
    section: '2',
    statement: 'ten WebSocket pings at once are taken, and many more cost the connection',
    expected: 'LRC-3008, then closed',
    observe: (candidate) =>
      over(candidate, async (wire) => {
        wire.ping(10)
        const code = codeIn(await wire.say('blob.read', nothing))
        wire.ping(40)
        return `${code}, then ${(await wire.isClosed()) ? 'closed' : 'open'}`
      }),
  },
  upgradedWrongly(
    'of another version of Engine.IO',
    '/fleet?EIO=3&transport=websocket',
    'status 400, LRC-1007',
  ),
  upgradedWrongly('to a session', '/fleet?EIO=4&transport=websocket&sid=abc', 'status 400, LRC-1007'),
  upgradedWrongly('at another path', '/agents?EIO=4&transport=websocket', 'status 404, LRC-3010'),
  {
    section: '1',
    statement: 'headers of more than 8 KiB are refused',
    expected: 'LRC-1002 as application/problem+json',
    observe: async ({ get }) => problemIn(await get('/healthz', { 'x-conformance': 'a'.repeat(9000) })),
  },
  {
    section: '1',
    statement: 'a body of more than 4 KiB is refused',
    expected: 'LRC-1002 as application/problem+json',
    observe: async ({ post }) =>
      problemIn(await post('/api/v1/agents/challenge', { publicKey: 'a'.repeat(5000) })),
  },
  {
    section: '1',
    statement: 'what is no HTTP is refused',
    expected: 'LRC-1007',
    observe: async ({ link, waitMs }) =>
      link.url.startsWith('https:')
        ? { because: 'the link is to TLS' }
        : await answerTo(link.url, 'lorem\r\n\r\n', waitMs),
  },
]

/** What section 1 says of whoever guesses. It is the last to be looked at, because whoever looks has to wait. */
export const guessing: Statement = {
  section: '1',
  statement: 'after five wrong join tokens an address has to wait, and is heard again then',
  expected: 'LRC-2002, then status 429, LRC-2017, retry-after, then heard',
  async observe(candidate) {
    const { join, link } = candidate
    const answers: Answer[] = []
    for (let time = 0; time < 8 && answers.at(-1)?.status !== 429; time++) {
      const other = createToken(createIdentity().publicKey).split('.')[0]
      answers.push(await join(`${other}.${link.fingerprint}`))
    }
    const last = answers.at(-1)
    const waitSeconds = Number(last?.retryAfter ?? Number.NaN)
    const wait = waitSeconds > 0 ? 'retry-after' : 'no retry-after'
    const refused = `${codeOf(answers[0])}, then status ${last?.status}, ${codeOf(last)}, ${wait}`
    await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(10, waitSeconds || 0)))
    const agent = candidate.another()
    const joined = await agent.join(link.token)
    if (joined.status === 200) await leave(agent) // and so has proven who it is
    return `${refused}, then ${joined.status === 429 ? problemIn(joined) : 'heard'}`
  },
}

function taken(what: string, code: string, say: (wire: Wire) => Promise<unknown>): Statement {
  return {
    section: '3',
    statement: `${what} is not refused for that`,
    expected: code,
    observe: (candidate) => over(candidate, async (wire) => codeIn(await say(wire))),
  }
}

function upgradedWrongly(how: string, path: string, expected: string): Statement {
  return {
    section: '2',
    statement: `an upgrade ${how} is refused before a socket exists, whatever it proves`,
    expected,
    async observe(candidate): Promise<string | Unexamined> {
      const wire = await candidate.upgrade(await candidate.proof(), { path })
      if ('status' in wire) return refusalIn(wire)
      wire.close()
      return 'a connection'
    },
  }
}

async function over(candidate: Candidate, act: (wire: Wire) => Promise<string>): Promise<string> {
  const wire = await introduced(candidate)
  try {
    return await act(wire)
  } finally {
    wire.close()
  }
}

function codeIn(reply: unknown): string {
  const { refusal } = reply as { readonly refusal?: { readonly code?: unknown } }
  return String(refusal?.code ?? 'ok')
}

function codeOf(answer: Answer | undefined): string {
  return String((answer?.body as { readonly code?: unknown } | undefined)?.code)
}

/** The code in the answer to bytes that are sent as they are. */
async function answerTo(url: string, bytes: string, waitMs: number): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(bytes)
  let text = ''
  const timer = setTimeout(() => socket.destroy(), waitMs)
  try {
    for await (const part of socket) text += String(part)
  } catch (error) {
    text ||= (error as Error).message
  } finally {
    clearTimeout(timer)
  }
  return /"code":"(LRC-\d{4})"/.exec(text)?.[1] ?? text.slice(0, 100)
}
