import { fileURLToPath } from 'node:url'
import { limits, parseAssignment, type RunView, type TrainAssignment } from '@lorica/protocol'
import { openCandidate } from '../conformance/candidate.js'
import { introduce } from '../conformance/conversation.js'
import type { Wire } from '../conformance/wire.js'
import { modelFolder, readAdapter } from './adapter.js'
import { dice } from './frames.js'
import type { HonestAgent } from './honest-agent.js'
import { CLIP, type HostileUpdate, hostileUpdates } from './hostile-update.js'
import type { Outcomes } from './outcomes.js'
import type { Served } from './served.js'

const WAIT_MS = 30_000
const ASSIGNMENTS_EACH = 3 // connection

/** An agent that brings a hostile update to each of its assignments. */
export interface Liar {
  leave(): void
}

/** Joins, and answers each assignment with the next hostile update of the seed. Comes back with a new connection now and then. */
export async function startLiar(served: Served, seed: number, outcomes: Outcomes): Promise<Liar> {
  const candidate = openCandidate(served.join, { waitMs: WAIT_MS, labels: { role: 'liar' } })
  await candidate.join(candidate.link.token)
  const roll = dice(seed)
  let turn = roll(hostileUpdates.length)
  let wire: Wire | undefined

  async function connect(): Promise<void> {
    wire?.close()
    let isLast = false
    const connected = await candidate.connect((name, message) => {
      if (name !== 'assignment' || isLast) return // it comes again on the next connection
      const assignment = parseAssignment(message)
      isLast = ++turn % ASSIGNMENTS_EACH === 0
      if (assignment.kind === 'train') void lie(connected, assignment, isLast)
    })
    wire = connected
    await introduce(connected)
  }

  async function lie(through: Wire, assignment: TrainAssignment, isLast: boolean): Promise<void> {
    const update = hostileUpdates[turn % hostileUpdates.length]!
    await outcomes.note(`update of seed ${seed}: ${update.name}`, async () => {
      const { assignmentId } = assignment
      const { code, sentBytes } = await offered(through, assignment, update, roll).finally(
        () => through.say('decline', { assignmentId, code: 'LRC-6001', message: 'none' }), // so that the round goes on
      )
      outcomes.sent(sentBytes)
      return [update.codes.includes(code) ? code : `expected ${update.codes.join(' or ')}, received ${code}`]
    })
    if (isLast) await connect()
  }

  await connect()
  return { leave: () => wire?.close() }
}

/** Offers and sends an update until something of it is refused. */
async function offered(
  wire: Wire,
  assignment: TrainAssignment,
  update: HostileUpdate,
  roll: ReturnType<typeof dice>,
): Promise<{ readonly code: string; readonly sentBytes: number }> {
  const adapter = await readAdapter(wire, assignment)
  const { offer, bytes, startAt = 0 } = update.make({ assignment, adapter, roll })
  let sentBytes = 0
  const say = async (name: string, message: Readonly<Record<string, unknown>>) =>
    (await wire.say(name, message)) as {
      readonly refusal?: { readonly code: string }
      readonly uploadId?: string
    }
  const opened = await say('update.open', offer)
  if (opened.refusal !== undefined) return { code: opened.refusal.code, sentBytes }
  const { uploadId } = opened
  for (let offset = startAt; offset < bytes.byteLength; offset += limits.chunkBytes) {
    const part = bytes.subarray(offset, offset + limits.chunkBytes)
    sentBytes += part.byteLength
    const { refusal } = await say('update.chunk', { uploadId, offset, bytes: part })
    if (refusal !== undefined) return { code: refusal.code, sentBytes }
  }
  const { refusal } = await say('update.close', { uploadId })
  return { code: refusal?.code ?? 'accepted', sentBytes }
}

/** Conducts a run of one honest agent among liars, and holds that nobody else's update counted. */
export async function conductRun(
  served: Served,
  honest: HonestAgent,
  rounds: number,
  outcomes: Outcomes,
): Promise<void> {
  const ask = async (method: string, path: string, body?: unknown): Promise<RunView> => {
    const response = await fetch(`${served.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${served.adminToken}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${await response.text()}`)
    return (await response.json()) as RunView
  }
  const { run } = await ask('POST', '/api/v1/runs', {
    name: 'siege',
    base: { model: fileURLToPath(modelFolder) },
    peft: { rank: 4, alpha: 8 },
    data: { maxTokens: 16 },
    local: { steps: 5, batch: 4, learningRate: 0.001 },
    rounds: { count: rounds, minimum: 1, where: 'label.role in (honest, liar)' },
    privacy: { clip: CLIP },
    evaluate: { holdout: 0 },
  })
  for (;;) {
    const view = await ask('GET', `/api/v1/runs/${run}`)
    if (view.state === 'succeeded' || view.state === 'failed' || !served.isAlive()) {
      for (const problem of problemsOf(view, honest, rounds)) outcomes.problem(problem)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function problemsOf(view: RunView, honest: HonestAgent, rounds: number): readonly string[] {
  const ended = view.state === 'succeeded' ? [] : [`the run ended as ${view.state}: ${view.reason}`]
  const counted = view.rounds.flatMap(({ round, contributions }) =>
    contributions.length === 1 && contributions[0]?.agentId === honest.agentId
      ? []
      : [`round ${round} counted ${contributions.map(({ name }) => name).join(' and ')}`],
  )
  const missing = view.rounds.length === rounds ? [] : [`${view.rounds.length} of ${rounds} rounds`]
  return [...ended, ...counted, ...missing]
}
