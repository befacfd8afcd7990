/**
 * One step of a secure sum: agents are told what they need for it, and it waits for whoever answers, moves bytes or may still come back. Who does
 * none of these drops out, though not while others still answer: agents that share a machine, or a coordinator with much to check, make each other wait.
 * @module
 */
import { encodeFrame } from '@lorica/protocol'
import type { SumTelling } from '../fleet/sum-telling.js'
import { awaiting, missing, type SumStep, without } from '../runs/sum-state.js'
import type { ActiveRun } from './active-run.js'
import type { OpenSum } from './open-sum.js'
import type { Parts } from './parts.js'
import { tickMs } from './training.js'

/** A step of a sum: of whom it is awaited, and what each of them needs for it. */
export interface Waiting {
  readonly step: SumStep
  readonly agents: readonly string[]
  tell(assignmentId: string, agentId: string): SumTelling
}

/** Tells agents what they need for a step, and waits for their answers. */
export async function takeStep(
  parts: Parts,
  active: ActiveRun,
  sum: OpenSum,
  { step: next, agents, tell }: Waiting,
): Promise<void> {
  const sinceMs = parts.clock.monotonicMs()
  sum.state = awaiting(sum.state, next, agents)
  await parts.ledger.safe(active.abort.signal) // what the lists say is kept before anyone hears of them
  for (const agentId of agents) {
    const assignmentId = sum.seatOf(agentId)?.assignmentId
    if (assignmentId === undefined || sum.state.gone.has(agentId)) continue
    sum.told.set(agentId, tell(assignmentId, agentId))
    tellAgain(parts, active, agentId)
  }
  const isHere = (agentId: string): boolean => next === 'input' && sum.seatOf(agentId)?.isIn === true
  let lookedAtMs = parts.clock.monotonicMs()
  await whileTicking(parts, active, () => {
    const nowMs = parts.clock.monotonicMs()
    if (nowMs - lookedAtMs > STALL * tickMs(parts)) sum.answeredAtMs = nowMs // it was busy itself: what came meanwhile is not heard yet
    lookedAtMs = nowMs
    for (const agentId of missing(sum.state)) {
      if (isHere(agentId)) continue
      const why = absenceIn(parts, active, sum, { agentId, sinceMs })
      if (why !== undefined) sum.state = without(sum.state, agentId, why)
    }
    return missing(sum.state).every(isHere)
  })
}

const WAIT = 4 // leases that an agent has for a step without moving a byte, from when another one answered last
const STALL = 4 // ticks that a coordinator is late by when it could hear nobody
const ELEMENT_MS = 1e-4 // that masking an element for a neighbour may take

/** Why an agent is not waited for in a step any more; undefined while it is. */
function absenceIn(
  { clock, leaseMs, roster }: Parts,
  active: ActiveRun,
  { terms, movedAtMs, answeredAtMs, seatOf }: OpenSum,
  { agentId, sinceMs }: { readonly agentId: string; readonly sinceMs: number },
): string | undefined {
  const over = seatOf(agentId)?.over
  if (over !== undefined) return over
  const nowMs = clock.monotonicMs()
  const contact = active.leases.contact(agentId)
  if (contact.kind !== 'connected' || roster.find(agentId) === undefined) {
    const awayMs = nowMs - Math.max(sinceMs, contact.kind === 'connected' ? sinceMs : contact.sinceMs)
    return awayMs < leaseMs ? undefined : 'it is not connected'
  }
  const patienceMs = WAIT * leaseMs + terms.elements * terms.degree * ELEMENT_MS
  const stillMs = nowMs - Math.max(sinceMs, answeredAtMs, movedAtMs.get(agentId) ?? 0)
  return stillMs < patienceMs ? undefined : `connected, but did nothing for ${Math.round(stillMs / 1000)} s`
}

/** Tells an agent what it was told last, if it is connected: it may have lost it with its link. */
export function tellAgain(parts: Pick<Parts, 'roster' | 'log'>, active: ActiveRun, agentId: string): void {
  const { sum } = active
  const telling = sum?.told.get(agentId)
  if (sum === null || telling === undefined || sum.state.gone.has(agentId)) return
  if (parts.roster.find(agentId) !== undefined) sum.said.bytesDown += encodeFrame(telling.message).byteLength
  parts.roster
    .find(agentId)
    ?.sendSum(telling)
    .catch((error: Error) => parts.log('sum-not-told', { agent: agentId, why: error.message }))
}

/** Waits until something is true of a run, which is looked at with every tick of its leases. */
export async function whileTicking(parts: Parts, active: ActiveRun, isTrue: () => boolean): Promise<void> {
  const cancel = parts.clock.every(tickMs(parts), () => active.bell.ring())
  try {
    await active.bell.until(isTrue, active.abort.signal)
  } finally {
    cancel()
  }
}
