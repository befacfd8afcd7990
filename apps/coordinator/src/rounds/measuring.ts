import { pooled } from '@lorica/privacy'
import { LoricaError } from '@lorica/protocol'
import type { Measured } from '../journal/event.js'
import { newId } from '../random.js'
import { probesFor } from '../releases/probes.js'
import { hidesSites } from '../runs/hidden-sites.js'
import type { Run } from '../runs/run.js'
import { roundSeed } from '../runs/seed.js'
import { hasPersonal, tensorsOf } from '../runs/strategy.js'
import type { ActiveRun } from './active-run.js'
import { type Answer, answerMeasurement, isMeasured, measuredOf, openMeasurement } from './measurement.js'
import type { Parts } from './parts.js'
import { evaluateAssignment } from './plan.js'
import { tickMs } from './training.js'

/** What is measured, by whom, and on how much of their held-out text. */
export interface MeasureRequest {
  readonly adapter: Run['adapter']
  readonly round: number
  readonly agents: readonly string[]
  readonly maxTokens: number | null // per agent; null: all
  readonly against?: Run['adapter'] // with which it is compared, example by example
}

/** Has agents measure an adapter, and sees what each of them measured; where noise protects sites, only what they come to together is told. Waits until all have answered, their leases have lapsed, or the deadline of a round has passed. */
export async function measure(
  parts: Pick<Parts, 'clock' | 'random' | 'leaseMs'>,
  active: ActiveRun,
  request: MeasureRequest,
): Promise<Measured> {
  const { clock, random } = parts
  const startedMs = clock.monotonicMs()
  const run = active.run()
  const { round, maxTokens, against } = request
  const personal = hasPersonal(run.spec) ? tensorsOf(run.spec, await active.adapter(), round).personal : []
  const probes =
    against === undefined
      ? undefined
      : probesFor(run.spec, { key: random.bytes(32), seed: roundSeed(run.seed, round) })
  const assignments = new Map(request.agents.map((agentId) => [agentId, newId(random)]))
  const assignmentFor = (assignmentId: string) =>
    evaluateAssignment(
      run,
      { assignmentId, round, maxTokens },
      { adapter: request.adapter, personal, against, probes },
    )
  active.measurement = { round, state: openMeasurement(assignments), isUnseen: false, assignmentFor }
  for (const [agentId, assignmentId] of assignments)
    active.ask(agentId, assignmentId, () => assignmentFor(assignmentId))
  const { deadlineMs } = run.spec.rounds
  const isLate = () => deadlineMs !== null && clock.monotonicMs() - startedMs >= deadlineMs
  const lapsed = () => new Set(request.agents.filter((agentId) => active.leases.hasLapsed(agentId)))
  const cancel = clock.every(tickMs(parts), () => active.bell.ring())
  const state = () => active.measurement?.state ?? openMeasurement(new Map())
  try {
    await active.bell.until(() => isLate() || isMeasured(state(), lapsed()), active.abort.signal)
    const measured = measuredOf(state(), (clock.monotonicMs() - startedMs) / 1000)
    return hidesSites(run.spec) ? pooled(measured) : measured
  } finally {
    cancel()
    active.measurement = null
  }
}

/** Sends an agent its measuring assignment again. Nothing happens when it has none to do. */
export function askToMeasure(active: ActiveRun, agentId: string): void {
  const { measurement } = active
  const assignmentId = measurement?.state.assignments.get(agentId)
  if (measurement === null || assignmentId === undefined || measurement.state.answers.has(agentId)) return
  active.ask(agentId, assignmentId, () => measurement.assignmentFor(assignmentId))
}

/** Throws LoricaError LRC-4019 for a loss that came in the clear where it was to be masked: nothing of it is kept. */
export function expectSeen({ measurement }: ActiveRun, agentId: string, assignmentId: string): void {
  if (measurement?.isUnseen !== true || measurement.state.assignments.get(agentId) !== assignmentId) return
  throw new LoricaError('LRC-4019', 'step of a secure sum: what was measured came in the clear', {
    expected: 'the keys of a secure sum, and then what was measured under its masks',
    received: 'a loss',
  })
}

/** Takes an answer, or null for an agent that cannot measure. Says whether it was one that was asked for. */
export function takeAnswer(
  active: ActiveRun,
  agentId: string,
  assignmentId: string,
  answer: Answer | null,
): boolean {
  const { measurement } = active
  if (measurement === null || measurement.state.assignments.get(agentId) !== assignmentId) return false
  active.measurement = { ...measurement, state: answerMeasurement(measurement.state, agentId, answer) }
  active.bell.ring()
  return true
}
