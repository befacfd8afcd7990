/**
 * A real coordinator on a loopback port, and agents that speak the real protocol but whose training is a number.
 * @module
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeSafetensors, encodeSafetensors, rawTensor } from '@lorica/peft-core'
import {
  type Assignment,
  connectText,
  createIdentity,
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
  type RunView,
  signText,
  type TrainAssignment,
} from '@lorica/protocol'
import { io, type Socket } from 'socket.io-client'
import { type Coordinator, startCoordinator } from './coordinator.js'

/** A coordinator that can be stopped and started again on its folder and port. */
export interface Fleet extends AsyncDisposable {
  readonly model: string
  coordinator(): Coordinator
  restart(): Promise<void>
  api(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>
  startRun(changes?: Readonly<Record<string, unknown>>): Promise<string>
  /** Waits for the first event of a run that `isWanted`. */
  event(runId: string, type: string): Promise<Record<string, unknown>>
  run(runId: string): Promise<RunView>
}

const log = () => {}
const hidden = 8

/** Starts a coordinator in a new folder with a base model of two layers. */
export async function startFleet(): Promise<Fleet> {
  const root = await mkdtemp(join(tmpdir(), 'lorica-fleet-'))
  const model = await writeModel(root)
  const settings = { dir: join(root, 'coordinator'), host: '127.0.0.1', leaseMs: 300 }
  let coordinator = await startCoordinator({ ...settings, port: 0 }, log)
  const port = Number(new URL(coordinator.url).port)
  const api = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${coordinator.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${coordinator.adminToken}`, 'content-type': 'application/json' },
      ...(method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {}),
    })
    const isJson = response.headers.get('content-type')?.includes('json') ?? false
    return {
      status: response.status,
      body: isJson ? await response.json() : Buffer.from(await response.arrayBuffer()),
    }
  }
  return {
    model,
    coordinator: () => coordinator,
    async restart() {
      await coordinator.close()
      coordinator = await startCoordinator({ ...settings, port }, log)
    },
    api,
    async startRun(changes = {}) {
      const spec = {
        name: 'tone',
        base: { model },
        peft: { rank: 2, alpha: 4, targets: ['q_proj', 'v_proj'] },
        data: { maxTokens: 16 },
        local: { steps: 5, batch: 4, learningRate: 1e-3 },
        rounds: { count: 1, minimum: 2 },
        seed: 5,
        ...changes,
      }
      const { status, body } = await api('POST', '/api/v1/runs', spec)
      if (status !== 201) throw new Error(JSON.stringify(body))
      return (body as RunView).run
    },
    async event(runId, type) {
      const response = await fetch(`${coordinator.url}/api/v1/runs/${runId}/events`, {
        headers: { authorization: `Bearer ${coordinator.adminToken}` },
      })
      let text = ''
      for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += Buffer.from(part).toString('utf8')
        const lines = text
          .split('\n')
          .slice(0, -1)
          .filter((line) => line !== '')
        const found = lines
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .find((event) => event.type === type)
        if (found !== undefined) return found
      }
      throw new Error(`the run ended without ${type}: ${text}`)
    },
    run: async (runId) => (await api('GET', `/api/v1/runs/${runId}`)).body as RunView,
    async [Symbol.asyncDispose]() {
      await coordinator.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** How an agent of the fixture answers. */
export interface Manner {
  readonly delta?: number // every value of its update
  readonly tokens?: number
  readonly loss?: (assignment: Assignment) => number
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
  ): Promise<{ ok: boolean; refusal?: { code: string; expected?: string } } & Record<string, unknown>>
  read(sha256: string): Promise<Uint8Array>
  upload(assignment: TrainAssignment, delta: number, tokens?: number): Promise<Receipt>
  close(): void
}

/** Joins with the link of the fleet. */
export async function enrol(fleet: Fleet, name: string, identity = createIdentity()): Promise<Identity> {
  const link = parseJoinLink(fleet.coordinator().join)
  const coordinatorId = Buffer.from(link.fingerprint, 'base64url').toString('hex').slice(0, 32)
  const signature = signText(identity, joinText(coordinatorId, name, link.secretSha256))
  const body = { token: link.token, name, labels: {}, publicKey: identity.publicKey, signature }
  const response = await fleet.api('POST', '/api/v1/agents/join', body)
  parseJoined(response.body)
  return identity
}

/** Opens the connection of an identity. Rejects with the text of the refusal. */
export async function open(
  fleet: Fleet,
  identity: Identity,
  headers: Readonly<Record<string, string>> = {},
): Promise<Socket> {
  const { url, coordinatorId } = fleet.coordinator()
  const { body } = await fleet.api('POST', '/api/v1/agents/challenge', { publicKey: identity.publicKey })
  const { nonce } = body as { nonce: string }
  const proof = {
    'x-lorica-agent': identity.publicKey,
    'x-lorica-nonce': nonce,
    'x-lorica-signature': signText(identity, connectText(coordinatorId, nonce)),
  }
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
  const own = identity ?? (await enrol(fleet, name))
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
      const offer = offerOf(assignment, bytes, tokens)
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
    const lossSum = (manner.loss?.(assignment) ?? 2.5) * 64
    await emit('evaluation', { assignmentId: assignment.assignmentId, lossSum, tokens: 64, evaluateMs: 3 })
  }
  socket.on('assignment', (raw: unknown, answer: (reply: object) => void) => {
    const assignment = parseAssignment(raw)
    assignments.push(assignment)
    answer({ ok: true })
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
      protocol: 1,
      software: 'fixture',
      device: { kind: 'cpu', threads: 2, memoryBytes: 2 ** 30 },
      dataset: { documents: 12 },
    }),
  )
  return agent
}

/** The bytes of an update whose every value is `delta`. */
export async function updateBytes(
  agent: ScriptedAgent,
  assignment: TrainAssignment,
  delta: number,
): Promise<Uint8Array> {
  const weights = assignment.adapter.files.find(({ path }) => path === 'adapter_model.safetensors')!
  const adapter = decodeSafetensors(await agent.read(weights.sha256))
  const filled = [...adapter].map(([name, { shape }]) => {
    const count = shape.reduce((product, side) => product * side, 1)
    return [name, rawTensor({ shape, data: new Float32Array(count).fill(delta) })] as const
  })
  return encodeSafetensors(new Map(filled), { format: 'pt', lorica: 'delta' })
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

/** Waits until `isTrue`, for at most 5 seconds. */
export async function until(isTrue: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5000
  while (!isTrue()) {
    if (performance.now() > deadlineMs) throw new Error('it did not become true in 5 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function writeModel(root: string): Promise<string> {
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: hidden,
    intermediate_size: 16,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    num_hidden_layers: 2,
    max_position_embeddings: 32,
    rms_norm_eps: 1e-6,
    hidden_act: 'silu',
    tie_word_embeddings: true,
    vocab_size: 32,
  }
  const shapes: [string, number[]][] = [
    ['model.embed_tokens.weight', [32, hidden]],
    ['model.norm.weight', [hidden]],
  ]
  for (const layer of [0, 1]) {
    const prefix = `model.layers.${layer}`
    for (const name of ['q', 'k', 'v', 'o'])
      shapes.push([`${prefix}.self_attn.${name}_proj.weight`, [hidden, hidden]])
    for (const name of ['gate', 'up']) shapes.push([`${prefix}.mlp.${name}_proj.weight`, [16, hidden]])
    shapes.push([`${prefix}.mlp.down_proj.weight`, [hidden, 16]])
    for (const name of ['input', 'post_attention'])
      shapes.push([`${prefix}.${name}_layernorm.weight`, [hidden]])
  }
  const tensors = shapes.map(([name, shape]) => {
    const count = shape.reduce((product, side) => product * side, 1)
    return [
      name,
      rawTensor({ shape, data: Float32Array.from({ length: count }, (_, index) => (index % 7) / 10) }),
    ] as const
  })
  const folder = await mkdtemp(join(root, 'model-'))
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await writeFile(join(folder, 'model.safetensors'), encodeSafetensors(new Map(tensors)))
  return folder
}
