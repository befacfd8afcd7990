import {
  type Assignment,
  limits,
  parseAssignment,
  parseUpdateOpenReply,
  type TrainAssignment,
} from '@lorica/protocol'
import { openCandidate } from '../conformance/candidate.js'
import { introduce } from '../conformance/conversation.js'
import { flatUpdate, offerOf, readAdapter, updateFile } from './adapter.js'
import type { Served } from './served.js'

/** An agent that does its work, and asks for something all the time. */
export interface HonestAgent {
  readonly agentId: string
  readonly name: string
  /** Answers that it got so far, and the longest that it waited for one. */
  answered(): { readonly answers: number; readonly longestMs: number }
  /** What went wrong, if anything did: it was not answered, or lost its connection. */
  fault(): Error | undefined
  leave(): void
}

const WAIT_MS = limits.ackTimeoutMs
const PAUSE_MS = 10
const DELTA = 1e-3

/** Joins, says hello, and works until it is told to leave. */
export async function startHonestAgent(served: Served): Promise<HonestAgent> {
  const candidate = openCandidate(served.join, { waitMs: WAIT_MS, labels: { role: 'honest' } })
  await candidate.join(candidate.link.token)
  let fault: Error | undefined
  let answers = 0
  let longestMs = 0
  let hasLeft = false
  const failed = (error: Error): void => {
    if (!hasLeft) fault ??= error
  }
  const wire = await candidate.connect((name, message) => {
    if (name === 'assignment') train(parseAssignment(message)).catch(failed)
  })
  await introduce(wire)

  async function ask(name: string, message: unknown): Promise<unknown> {
    const startedMs = performance.now()
    const reply = await wire.say(name, message)
    longestMs = Math.max(longestMs, performance.now() - startedMs)
    answers++
    return reply
  }

  async function train(assignment: Assignment): Promise<void> {
    if (assignment.kind === 'train') await upload(assignment)
  }

  async function upload(assignment: TrainAssignment): Promise<void> {
    const bytes = updateFile(flatUpdate(await readAdapter(wire, assignment), DELTA))
    const { uploadId, offset } = parseUpdateOpenReply(await ask('update.open', offerOf(assignment, bytes)))
    for (let at = offset; at < bytes.byteLength; at += limits.chunkBytes)
      await ask('update.chunk', { uploadId, offset: at, bytes: bytes.subarray(at, at + limits.chunkBytes) })
    const { ok } = (await ask('update.close', { uploadId })) as { readonly ok?: boolean }
    if (ok !== true) throw new Error('the update of the honest agent was not accepted')
  }

  async function beat(): Promise<void> {
    const nothing = { sha256: '0'.repeat(64), offset: 0, length: 1 }
    while (!hasLeft) {
      await ask('blob.read', nothing)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
  beat().catch(failed)
  return {
    agentId: candidate.agent.id,
    name: candidate.name,
    answered: () => ({ answers, longestMs }),
    fault: () => fault,
    leave() {
      hasLeft = true
      wire.close()
    },
  }
}
