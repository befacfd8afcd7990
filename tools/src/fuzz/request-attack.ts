import {
  connectText,
  createIdentity,
  createToken,
  joinText,
  proofHeaders,
  signText,
  tokenSecretSha256,
} from '@lorica/protocol'
import { type Candidate, openCandidate } from '../conformance/candidate.js'
import { type Dice, dice } from './frames.js'
import type { Outcomes } from './outcomes.js'
import { askRaw, upgradeText } from './raw-link.js'
import type { Served } from './served.js'

const ANSWER_MS = 15_000

/** Asks for an upgrade with a proof that is none, joins with tokens that are none, and speaks HTTP badly, `acts` times. */
export async function attackRequests(
  served: Served,
  { acts, seed }: { readonly acts: number; readonly seed: number },
  outcomes: Outcomes,
): Promise<void> {
  const roll = dice(seed)
  const member = openCandidate(served.join, { waitMs: ANSWER_MS, labels: { role: 'intruder' } })
  await member.join(member.link.token)
  for (let index = 0; index < acts; index++) {
    const { name, text } = requests[roll(requests.length)]!
    await outcomes.note(`request ${index} of seed ${seed}: ${name}`, async () => {
      const bytes = await text(member, roll)
      outcomes.sent(bytes.length)
      const { status, body } = await askRaw(served.url, bytes, ANSWER_MS)
      if (status === 0) return ['no answer']
      if (status < 400) return [`status ${status}: ${body.slice(0, 200)}`]
      return [
        /"code":"(LRC-\d{4})"/.exec(body)?.[1] ?? `status ${status} without a code: ${body.slice(0, 200)}`,
      ]
    })
  }
}

interface HostileRequest {
  readonly name: string
  readonly text: (member: Candidate, roll: Dice) => Promise<string> | string
}

const letters = (roll: Dice, count: number): string =>
  Array.from({ length: count }, () => String.fromCharCode(97 + roll(26))).join('')

const post = (path: string, body: string, headers = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: c\r\nContent-Type: application/json\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

const JOIN = '/api/v1/agents/join'
const CHALLENGE = '/api/v1/agents/challenge'

/** A join with these changes to what would be right. */
function join({ link, coordinatorId }: Candidate, changes: Readonly<Record<string, unknown>>): string {
  const signer = createIdentity()
  const { publicKey } = signer
  const signature = signText(signer, joinText(coordinatorId, 'lima', tokenSecretSha256(link.token) ?? ''))
  return post(
    JOIN,
    JSON.stringify({ token: link.token, name: 'lima', labels: {}, publicKey, signature, ...changes }),
  )
}

const proven = async (
  member: Candidate,
  headers: Readonly<Record<string, string>>,
  query?: string,
): Promise<string> => upgradeText({ ...(await member.proof()), ...headers }, query)

const requests: readonly HostileRequest[] = [
  { name: 'an upgrade without a proof', text: () => upgradeText({}) },
  {
    name: 'an upgrade that another key has signed',
    text: async (member) => upgradeText(await member.proof(member.agent, undefined, createIdentity())),
  },
  {
    name: 'an upgrade over a nonce that was never given',
    text: async (member, roll) => upgradeText(await member.proof(member.agent, letters(roll, 32))),
  },
  {
    name: 'an upgrade of a stranger',
    text: async (member) => upgradeText(await member.proof(createIdentity())),
  },
  {
    name: 'an upgrade with the proof for another coordinator',
    async text({ agent, challenge }) {
      const { nonce } = await challenge()
      return upgradeText({
        [proofHeaders.agent]: agent.publicKey,
        [proofHeaders.nonce]: nonce,
        [proofHeaders.signature]: signText(agent, connectText('f'.repeat(32), nonce)),
      })
    },
  },
  {
    name: 'an upgrade with a random proof',
    text: (_, roll) =>
      upgradeText(
        Object.fromEntries(Object.values(proofHeaders).map((name) => [name, letters(roll, roll(3000) + 1)])),
      ),
  },
  { name: 'an upgrade by polling', text: (member) => proven(member, {}, 'EIO=4&transport=polling') },
  {
    name: 'an upgrade in another Engine.IO',
    text: (member) => proven(member, {}, 'EIO=9&transport=websocket'),
  },
  {
    name: 'an upgrade of a session that is none',
    text: (member) => proven(member, {}, 'EIO=4&transport=websocket&sid=abc'),
  },
  {
    name: 'an upgrade with a wrong WebSocket version',
    text: (member) => proven(member, { 'Sec-WebSocket-Version': '99' }),
  },
  {
    name: 'an upgrade with a wrong WebSocket key',
    text: (member) => proven(member, { 'Sec-WebSocket-Key': 'short' }),
  },
  { name: 'an upgrade to something else', text: (member) => proven(member, { Upgrade: 'h2c' }) },
  { name: 'an upgrade elsewhere', text: () => upgradeText({}).replace('/fleet', '/api/v1/agents/join') },
  { name: 'no upgrade', text: () => 'GET /fleet?EIO=4&transport=polling HTTP/1.1\r\nHost: c\r\n\r\n' },
  {
    name: 'headers that are too long',
    text: (_, roll) => upgradeText({ 'X-A': 'a'.repeat(9000 + roll(50_000)) }),
  },
  {
    name: 'headers without number',
    text: (_, roll) =>
      `GET / HTTP/1.1\r\n${Array.from({ length: 3000 + roll(3000) }, (__, at) => `a${at}: b`).join('\r\n')}\r\n\r\n`,
  },
  { name: 'what is no HTTP', text: (_, roll) => `${letters(roll, 20)}\r\n\r\n` },
  { name: 'a TLS hello', text: () => `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'x'.repeat(100)}` },
  { name: 'two lengths', text: () => post(CHALLENGE, '{}', 'Content-Length: 7\r\n') },
  {
    name: 'a path without end',
    text: (_, roll) => `GET /${letters(roll, 6000)} HTTP/1.1\r\nHost: c\r\n\r\n`,
  },
  {
    name: 'a path that is none',
    text: () => 'GET /%zz%00%c0%ae/../../etc/passwd HTTP/1.1\r\nHost: c\r\n\r\n',
  },
  {
    name: 'a challenge for no key',
    text: (_, roll) => post(CHALLENGE, JSON.stringify({ publicKey: letters(roll, 50) })),
  },
  {
    name: 'a challenge that is no JSON',
    text: (_, roll) => post(CHALLENGE, `{"publicKey":${letters(roll, 9)}`),
  },
  {
    name: 'a body that is too large',
    text: () => post(CHALLENGE, JSON.stringify({ publicKey: 'x'.repeat(20_000) })),
  },
  { name: 'a body in lists in lists', text: () => post(JOIN, '['.repeat(2000) + ']'.repeat(2000)) },
  {
    name: 'the key __proto__',
    text: () => post(JOIN, '{"__proto__":{"token":"a"},"constructor":{"prototype":{"a":1}}}'),
  },
  { name: 'a body of another type', text: () => post(JOIN, '<a/>').replace('application/json', 'text/xml') },
  {
    name: 'a token that is none',
    text: (member, roll) => join(member, { token: letters(roll, 1 + roll(200)) }),
  },
  {
    name: 'a token with another secret',
    text: (member) => join(member, { token: createToken(createIdentity().publicKey) }),
  },
  {
    name: 'a join in another name than it signed',
    text: (member, roll) => join(member, { name: letters(roll, 8) }),
  },
  {
    name: 'a join with a name that is none',
    text: (member, roll) =>
      join(member, { name: ['', '../x', 'a\u0000b', '<script>', letters(roll, 300)][roll(5)] }),
  },
  {
    name: 'a join with wrong fields',
    text: (member, roll) => join(member, { [letters(roll, 5)]: roll(9), labels: [1] }),
  },
  {
    name: 'a join with labels without number',
    text: (member) =>
      join(member, { labels: Object.fromEntries(Array.from({ length: 150 }, (_, at) => [`k${at}`, 'v'])) }),
  },
  {
    name: 'a rotation of a stranger',
    text: (_, roll) =>
      post(
        '/api/v1/agents/rotate',
        JSON.stringify({
          publicKey: createIdentity().publicKey,
          nextPublicKey: createIdentity().publicKey,
          nonce: letters(roll, 32),
          signature: 'A'.repeat(86),
          nextSignature: 'A'.repeat(86),
        }),
      ),
  },
  {
    name: 'a wrong operator',
    text: (_, roll) =>
      `GET /api/v1/runs HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer ${letters(roll, 43)}\r\n\r\n`,
  },
  {
    name: 'a nonce that is none',
    text: () => 'GET /api/v1/coordinator HTTP/1.1\r\nHost: c\r\nx-lorica-nonce: a b\r\n\r\n',
  },
]
