/**
 * Agents that speak the real protocol, but whose training is a number.
 * @module
 */
import { createHash } from 'node:crypto'
import {
  encodeSafetensors,
  parseAdapter,
  rawTensor,
  type TensorMap,
  truncatedAdapter,
} from '@lorica/peft-core'
import {
  type Assignment,
  type Comparison,
  connectText,
  createIdentity,
  type Energy,
  type EvaluateAssignment,
  errorOfProblem,
  FLEET_PATH,
  type Identity,
  joinText,
  type LoricaError,
  limits,
  parseAssignment,
  parseBlobReadReply,
  parseHelloReply,
  parseJoined,
  parseJoinLink,
  parser,
  parseUpdateCloseReply,
  parseUpdateOpenReply,
  type Receipt,
  signText,
  type TrainAssignment,
} from '@lorica/protocol'
import { io, type Socket } from 'socket.io-client'
import type { Fleet } from './fleet.fixture.js'

/** The update of an agent: every value of it, or what it makes of the tensors that it trains. */
export type Change = number | ((start: TensorMap) => TensorMap)

/** How an agent of the fixture answers. */
export interface Manner {
  readonly delta?: Change
  readonly tokens?: number
  readonly energy?: Energy
  readonly protocol?: number // the version that it speaks; 2 unless given
  readonly labels?: Readonly<Record<string, string>>
  readonly loss?: (assignment: EvaluateAssignment) => number
  readonly comparison?: (assignment: EvaluateAssignment) => Comparison
  readonly reply?: object // to each assignment, unless it is taken
  readonly answers?: (assignment: EvaluateAssignment) => boolean // false: it keeps silent
  readonly measure?: (agent: ScriptedAgent, assignment: EvaluateAssignment) => Promise<void>
  readonly train?: (agent: ScriptedAgent, assignment: TrainAssignment) => Promise<void>
}

/** An agent that has joined and is connected. */
export interface ScriptedAgent {
  readonly name: string
  readonly identity: Identity
  readonly socket: Socket
  readonly assignments: readonly Assignment[]
  readonly receipts: readonly Receipt[]
  emit(
    event: string,
    message: unknown,
  ): Promise<
    { ok: boolean; refusal?: { code: string; message?: string; expected?: string } } & Record<string, unknown>
  >
  read(sha256: string): Promise<Uint8Array>
  upload(assignment: TrainAssignment, delta: Change, tokens?: number): Promise<Receipt>
  close(): void
}

interface Enrolling {
  readonly identity?: Identity
  readonly labels?: Manner['labels']
  readonly join?: string // another link than that of the fleet
}

/** Joins with the link of the fleet. Throws the refusal of the coordinator. */
export async function enrol(
  fleet: Fleet,
  name: string,
  { identity = createIdentity(), labels = {}, join = fleet.coordinator().join }: Enrolling = {},
): Promise<Identity> {
  const link = parseJoinLink(join)
  const coordinatorId = Buffer.from(link.fingerprint, 'base64url').toString('hex').slice(0, 32)
  const signature = signText(identity, joinText(coordinatorId, name, link.secretSha256))
  const body = { token: link.token, name, labels, publicKey: identity.publicKey, signature }
  const response = await fleet.api('POST', '/api/v1/agents/join', body)
  if (response.status !== 200) throw errorOfProblem(response.body) ?? new Error(String(response.status))
  parseJoined(response.body)
  return identity
}

/** The headers that prove a key once. */
export async function proofOf(fleet: Fleet, identity: Identity): Promise<Readonly<Record<string, string>>> {
  const { coordinatorId } = fleet.coordinator()
  const { body } = await fleet.api('POST', '/api/v1/agents/challenge', { publicKey: identity.publicKey })
  const { nonce } = body as { nonce: string }
  return {
    'x-lorica-agent': identity.publicKey,
    'x-lorica-nonce': nonce,
    'x-lorica-signature': signText(identity, connectText(coordinatorId, nonce)),
  }
}

/** Opens the connection of an identity. Rejects with the text of the refusal. */
export async function open(
  fleet: Fleet,
  identity: Identity,
  headers: Readonly<Record<string, string>> = {},
): Promise<Socket> {
  const { url } = fleet.coordinator()
  const proof = await proofOf(fleet, identity)
  const socket = io(url, {
    path: FLEET_PATH,
    addTrailingSlash: false,
    transports: ['websocket'],
    extraHeaders: { ...proof, ...headers },
    parser,
    reconnection: false,
    forceNew: true,
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve())
    socket.once('connect_error', reject)
  })
  return socket
}

/** Joins unless `identity` is given, connects, says hello, and answers every assignment in its manner. */
export async function startAgent(
  fleet: Fleet,
  name: string,
  manner: Manner = {},
  identity?: Identity,
): Promise<ScriptedAgent> {
  const own = identity ?? (await enrol(fleet, name, { labels: manner.labels ?? {} }))
  const socket = await open(fleet, own)
  const assignments: Assignment[] = []
  const receipts: Receipt[] = []
  const emit: ScriptedAgent['emit'] = (event, message) => socket.timeout(5000).emitWithAck(event, message)
  const agent: ScriptedAgent = {
    name,
    identity: own,
    socket,
    assignments,
    receipts,
    emit,
    async read(sha256) {
      const parts: Uint8Array[] = []
      let offset = 0
      for (;;) {
        const raw = await emit('blob.read', { sha256, offset, length: limits.chunkBytes })
        const { bytes, sizeBytes } = parseBlobReadReply(raw)
        parts.push(Uint8Array.from(bytes))
        offset += bytes.byteLength
        if (offset >= sizeBytes) return Buffer.concat(parts)
      }
    },
    async upload(assignment, delta, tokens = 80) {
      const bytes = await updateBytes(agent, assignment, delta)
      const { energy } = manner
      const offer = { ...offerOf(assignment, bytes, tokens), ...(energy === undefined ? {} : { energy }) }
      const opened = parseUpdateOpenReply(await emit('update.open', offer))
      if (opened.receipt !== undefined) return opened.receipt
      for (let offset = opened.offset; offset < bytes.byteLength; offset += 300) {
        const chunk = { uploadId: opened.uploadId, offset, bytes: bytes.subarray(offset, offset + 300) }
        const reply = await emit('update.chunk', chunk)
        if (!reply.ok) throw new Error(reply.refusal?.code)
      }
      const { receipt } = parseUpdateCloseReply(await emit('update.close', { uploadId: opened.uploadId }))
      receipts.push(receipt)
      return receipt
    },
    close: () => void socket.disconnect(),
  }
  const work = async (assignment: Assignment) => {
    if (assignment.kind === 'train') {
      if (manner.train !== undefined) await manner.train(agent, assignment)
      else await agent.upload(assignment, manner.delta ?? 2, manner.tokens)
      return
    }
    if (manner.answers?.(assignment) === false) return
    if (manner.measure !== undefined) return await manner.measure(agent, assignment)
    const lossSum = (manner.loss?.(assignment) ?? 2.5) * 64
    const comparison = assignment.against === undefined ? undefined : manner.comparison?.(assignment)
    await emit('evaluation', {
      ...{ assignmentId: assignment.assignmentId, lossSum, tokens: 64, evaluateMs: 3 },
      ...(comparison === undefined ? {} : { comparison }),
    })
  }
  socket.on('assignment', (raw: unknown, answer: (reply: object) => void) => {
    const assignment = parseAssignment(raw)
    assignments.push(assignment)
    answer(manner.reply ?? { ok: true })
    work(assignment).catch((error: LoricaError) => {
      if (socket.connected)
        void emit('decline', {
          assignmentId: assignment.assignmentId,
          code: error.code ?? 'LRC-9001',
          message: error.message,
        })
    })
  })
  for (const event of ['release', 'run-ended'])
    socket.on(event, (_: unknown, answer: (reply: object) => void) => answer({ ok: true }))
  parseHelloReply(
    await emit('hello', {
      protocol: manner.protocol ?? 2,
      software: 'fixture',
      device: { kind: 'cpu', threads: 2, memoryBytes: 2 ** 30 },
      dataset: { documents: 12 },
    }),
  )
  return agent
}

/** The tensors that an assignment trains for others, as they are before that. */
export async function trainedTensors(
  agent: Pick<ScriptedAgent, 'read'>,
  { adapter: { files }, frozen = [], personal = [], trained, rank = trained?.rank }: TrainAssignment,
): Promise<TensorMap> {
  const read = (name: string) => agent.read(files.find(({ path }) => path === name)!.sha256)
  const whole = parseAdapter({
    'adapter_config.json': await read('adapter_config.json'),
    'adapter_model.safetensors': await read('adapter_model.safetensors'),
  })
  const { tensors } = rank === undefined ? whole : await truncatedAdapter(whole, rank)
  return new Map([...tensors].filter(([name]) => !frozen.includes(name) && !personal.includes(name)))
}

/** The bytes of an update. */
export async function updateBytes(
  agent: ScriptedAgent,
  assignment: TrainAssignment,
  delta: Change,
): Promise<Uint8Array> {
  const trained = await trainedTensors(agent, assignment)
  const change = typeof delta === 'number' ? filled(trained, delta) : delta(trained)
  const raw = new Map([...change].map(([name, tensor]) => [name, rawTensor(tensor)]))
  return encodeSafetensors(raw, { format: 'pt', lorica: 'delta' })
}

function filled(tensors: TensorMap, value: number): TensorMap {
  return new Map(
    [...tensors].map(([name, { shape, data }]) => [name, { shape, data: data.map(() => value) }]),
  )
}

/** What an agent says of an update before it sends it. */
export function offerOf({ assignmentId }: TrainAssignment, bytes: Uint8Array, tokens = 80) {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return {
    assignmentId,
    sha256,
    sizeBytes: bytes.byteLength,
    examples: 20,
    tokens,
    trainMs: 7,
    lossFirst: 3,
    lossLast: 2,
  }
}
