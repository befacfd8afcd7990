/**
 * A process that holds many light agents: it connects them, lets them answer assignments at once or together at a signal, and
 * says when the first byte left and the last receipt came.
 * @module
 */
import {
  type Assignment,
  type EvaluateAssignment,
  parseAssignment,
  parseBlobReadReply,
  type TrainAssignment,
} from '@lorica/protocol'
import { type BareAgent, connectBare } from './bare-agent.js'
import { answerParent } from './child.js'
import { connect, enrol, type LightAgent } from './light-agent.js'
import { type SyntheticUpdates, syntheticUpdates } from './synthetic-update.js'
import { sendWindowed } from './transfer.js'

/** What the parent asks of this process. */
export type Question =
  | { readonly act: 'connect'; readonly join: string; readonly from: number; readonly count: number }
  | { readonly act: 'answer-at-once' } // every assignment, as it comes
  | { readonly act: 'assigned'; readonly agents: number; readonly round: number } // resolves when all of them have it
  | { readonly act: 'upload' } // everybody who has an assignment
  | { readonly act: 'ended' } // resolves with the run that ended
  | { readonly act: 'bare-connect'; readonly port: number; readonly count: number }
  | { readonly act: 'bare-upload'; readonly count: number }

/** What an upload came to. Seconds are from the first message to the last receipt. */
export interface Uploaded {
  readonly seconds: number
  readonly bytes: number
}

/** When the run began to train and when it ended, in milliseconds of this process. */
export interface Ended {
  readonly firstAssignmentMs: number
  readonly endedMs: number
}

const CONNECTING_AT_ONCE = 64

const agents: LightAgent[] = []
const bare: BareAgent[] = []
const assignments = new Map<LightAgent, TrainAssignment>()
let isAnswering = false
let updates: Promise<SyntheticUpdates> | undefined
let updatesOf = ''
let firstAssignmentMs = Number.NaN
let changed = (): void => {}
let ended = (_: Ended): void => {}

async function connectAll({ join, from, count }: Extract<Question, { act: 'connect' }>): Promise<number> {
  const startedMs = performance.now()
  let next = from
  const one = async (): Promise<void> => {
    for (let index = next++; index < from + count; index = next++) {
      const name = `load-${index}`
      const enrolled = await enrol(join, name, { seat: index === 0 ? 'first' : 'other' })
      let agent: LightAgent | undefined
      agent = await connect(
        name,
        enrolled,
        (event, message) => agent !== undefined && hear(agent, event, message),
      )
      agents.push(agent)
    }
  }
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, one))
  return (performance.now() - startedMs) / 1000
}

function hear(agent: LightAgent, event: string, message: unknown): void {
  if (event === 'run-ended') ended({ firstAssignmentMs, endedMs: performance.now() })
  if (event !== 'assignment') return
  if (Number.isNaN(firstAssignmentMs)) firstAssignmentMs = performance.now()
  const assignment: Assignment = parseAssignment(message)
  if (assignment.kind === 'train') assignments.set(agent, assignment)
  if (isAnswering) answer(agent, assignment).catch(fail)
  else changed()
}

async function answer(agent: LightAgent, assignment: Assignment): Promise<void> {
  if (assignment.kind === 'train') await upload(agent, assignment)
  else await evaluate(agent, assignment)
}

async function evaluate(agent: LightAgent, { assignmentId }: EvaluateAssignment): Promise<void> {
  await agent.request('evaluation', { assignmentId, lossSum: 160, tokens: 64, evaluateMs: 3 })
}

async function upload(agent: LightAgent, assignment: TrainAssignment): Promise<number> {
  const update = await updatesFor(agent, assignment)
  const index = agents.indexOf(agent) + 10_000 * assignment.round
  const { local, data, assignmentId } = assignment
  const examples = local.steps * local.batch
  const opened = await agent.request('update.open', {
    assignmentId,
    sha256: update.sha256(index),
    sizeBytes: update.sizeBytes,
    examples,
    tokens: examples * data.maxTokens,
    trainMs: 1000,
    lossFirst: 3,
    lossLast: 2.5,
  })
  const { uploadId, offset } = opened as { uploadId: string; offset: number }
  const { sizeBytes } = update
  const { chunkBytes, windowBytes } = agent
  await sendWindowed({ offset, sizeBytes, chunkBytes, windowBytes }, (at, length) =>
    agent.request('update.chunk', { uploadId, offset: at, bytes: update.range(index, at, length) }),
  )
  await agent.request('update.close', { uploadId })
  assignments.delete(agent)
  return sizeBytes
}

/** The updates for the adapter of an assignment; read from the coordinator once for each shape. */
async function updatesFor(agent: LightAgent, { adapter }: TrainAssignment): Promise<SyntheticUpdates> {
  const file = adapter.files.find(({ path }) => path === 'adapter_model.safetensors')
  if (file === undefined) throw new Error('the assignment has no adapter_model.safetensors')
  if (updates === undefined || updatesOf !== String(file.sizeBytes)) {
    updatesOf = String(file.sizeBytes)
    updates = read(agent, file.sha256, file.sizeBytes).then(syntheticUpdates)
  }
  return await updates
}

async function read(agent: LightAgent, sha256: string, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes)
  for (let offset = 0; offset < sizeBytes; ) {
    const raw = await agent.request('blob.read', { sha256, offset, length: agent.chunkBytes })
    const part = parseBlobReadReply(raw).bytes
    bytes.set(part, offset)
    offset += part.byteLength
  }
  return bytes
}

async function uploadAll(): Promise<Uploaded> {
  const work = [...assignments]
  for (const [agent, assignment] of work) await updatesFor(agent, assignment)
  const startedMs = performance.now()
  const sizes = await Promise.all(work.map(([agent, assignment]) => upload(agent, assignment)))
  return {
    seconds: (performance.now() - startedMs) / 1000,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  }
}

async function uploadBare(count: number): Promise<Uploaded> {
  const update = await updates
  const [agent] = agents
  if (update === undefined || agent === undefined) throw new Error('no update was made yet')
  const { sizeBytes } = update
  const { chunkBytes, windowBytes } = agent
  const startedMs = performance.now()
  await Promise.all(
    bare
      .slice(0, count)
      .map((link, index) =>
        link.upload(`${index}`, { offset: 0, sizeBytes, chunkBytes, windowBytes }, (offset, length) =>
          update.range(index, offset, length),
        ),
      ),
  )
  return { seconds: (performance.now() - startedMs) / 1000, bytes: sizeBytes * Math.min(count, bare.length) }
}

function fail(error: Error): void {
  process.stderr.write(`${error.stack ?? error.message}\n`)
  process.exit(1)
}

answerParent(async (question: Question): Promise<unknown> => {
  switch (question.act) {
    case 'connect':
      return connectAll(question)
    case 'answer-at-once':
      isAnswering = true
      return null
    case 'assigned':
      return new Promise<null>((resolve) => {
        changed = () => {
          const ready = [...assignments.values()].filter(({ round }) => round === question.round)
          if (ready.length >= question.agents) resolve(null)
        }
        changed()
      })
    case 'upload':
      return uploadAll()
    case 'ended':
      return new Promise<Ended>((resolve) => {
        ended = resolve
      })
    case 'bare-connect':
      while (bare.length < question.count) bare.push(await connectBare(question.port))
      return null
    case 'bare-upload':
      return uploadBare(question.count)
  }
})
