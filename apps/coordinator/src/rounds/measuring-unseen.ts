/**
 * Measurements of private runs: what agents measure is summed as updates are, without being seen. Nothing of a sum outlives the coordinator
 * but its end; one that was cut off is begun anew, and agents open no second one of an adapter with others in it.
 * @module
 */
import {
  addInput,
  type Collecting,
  closeInputs,
  LEAST_COHORT,
  type SumTerms,
  summedLoss,
  unpackRing,
} from '@lorica/privacy'
import { adapterHash, LoricaError, limits, questionOf } from '@lorica/protocol'
import type { Measured } from '../journal/event.js'
import { newId } from '../random.js'
import { measuredTerms } from '../runs/secure-terms.js'
import { hasPersonal, tensorsOf } from '../runs/strategy.js'
import { answersTo } from '../runs/sum-state.js'
import type { ActiveRun } from './active-run.js'
import { openMeasurement } from './measurement.js'
import type { MeasureRequest } from './measuring.js'
import { createOpenSum, type OpenSum } from './open-sum.js'
import type { Parts } from './parts.js'
import { evaluateAssignment } from './plan.js'
import { expectStep, notFinished } from './sum-refusal.js'
import { whileTicking } from './sum-step.js'
import { awaitInputs, confirmSum, revealSum } from './sum-steps.js'

const ATTEMPTS = 3 // at one measurement, each of the agents that are left

/**
 * Has agents measure an adapter, and sees the sum alone; one that was summed before is not measured again, since with others in it the
 * two sums would show what an agent measured. All are asked about as much text as a round asks for. `unmeasured` says why there is no loss.
 */
export async function measureUnseen(
  parts: Parts,
  active: ActiveRun,
  { adapter, round, agents: asked }: MeasureRequest,
): Promise<Measured> {
  const hash = adapterHash(adapter.files)
  const known = active.run().summed.get(hash)
  if (known !== undefined) return known
  const startedMs = parts.clock.monotonicMs()
  let agents = asked.slice(0, limits.sumAgents)
  for (let tried = 1; ; tried += 1) {
    const { runId, measurements } = active.run()
    const of = { runId, round, attempt: measurements + 1, adapter: hash }
    parts.ledger.record({ type: 'measurement-begun', ...of, agents: [...agents].sort() })
    const sitting: Sitting = { ...of, adapter, agents, startedMs }
    const { survivors, gone, ...measured } = await trySum(parts, active, sitting)
    const seconds = (parts.clock.monotonicMs() - startedMs) / 1000
    const told = { ...measured, perAgent: [], seconds }
    parts.ledger.record({ type: 'measurement-ended', ...of, agents: survivors, measured: told })
    const left = agents.filter((agentId) => !gone.has(agentId))
    const isHopeless = left.length === agents.length || left.length < LEAST_COHORT || tried === ATTEMPTS
    if (survivors.length > 0 || isHopeless) return told
    agents = left
  }
}

interface Sitting {
  readonly adapter: MeasureRequest['adapter']
  readonly round: number
  readonly attempt: number
  readonly agents: readonly string[]
  readonly startedMs: number // of the measurement
}

interface Tried extends Pick<Measured, 'loss' | 'tokens' | 'unmeasured'> {
  readonly survivors: readonly string[] // whose losses are in the sum; none when it was not finished
  readonly gone: ReadonlySet<string>
}

async function trySum(parts: Parts, active: ActiveRun, sitting: Sitting): Promise<Tried> {
  let sum: OpenSum | null = null
  try {
    sum = openSum(parts, active, sitting, await assignmentsOf(active, sitting))
    await awaitKeys(parts, active, sum, sitting)
    const collecting = await awaitInputs(parts, active, sum, () => {})
    const closing = expectStep(closeInputs(withInputs(collecting, sum)))
    const confirmations = await confirmSum(parts, active, sum, { closing, onList: () => {} })
    const { sum: elements, survivors } = await revealSum(parts, active, sum, { closing, confirmations })
    return { ...lossOf(elements, survivors.length), survivors, gone: new Set() }
  } catch (error) {
    if (!(error instanceof LoricaError) || error.code !== 'LRC-4018') throw error
    const why = { loss: null, tokens: 0, unmeasured: `${error.code}: ${error.message}` }
    return { ...why, survivors: [], gone: sum === null ? new Set() : unheard(sum, sitting) }
  } finally {
    active.sum = null
    active.measurement = null
  }
}

type AssignmentFor = (assignmentId: string) => ReturnType<typeof evaluateAssignment>

/** What each agent is asked, and the terms of the sum. Throws LoricaError LRC-4018 for so few agents that there is none. */
async function assignmentsOf(
  active: ActiveRun,
  { adapter, round, attempt, agents }: Sitting,
): Promise<{ readonly terms: SumTerms; readonly assignmentFor: AssignmentFor }> {
  const run = active.run()
  const personal = hasPersonal(run.spec) ? tensorsOf(run.spec, await active.adapter(), round).personal : []
  const { tokens: maxTokens } = run.spec.evaluate
  const plain = evaluateAssignment(run, { assignmentId: '', round, maxTokens }, { adapter, personal })
  const measures = questionOf(plain)
  const terms = measuredTerms(run, { round, attempt, agents: agents.length, measures })
  const assignmentFor: AssignmentFor = (assignmentId) =>
    evaluateAssignment(run, { assignmentId, round, maxTokens }, { adapter, personal, terms })
  return { terms, assignmentFor }
}

/** Opens the sum of a measurement, and asks its agents. */
function openSum(
  { random }: Parts,
  active: ActiveRun,
  { agents, round }: Sitting,
  { terms, assignmentFor }: Awaited<ReturnType<typeof assignmentsOf>>,
): OpenSum {
  const assignments = new Map(agents.map((agentId) => [agentId, newId(random)]))
  const sum = createOpenSum(terms, (agentId) => {
    const assignmentId = assignments.get(agentId)
    return assignmentId === undefined ? undefined : { assignmentId, isIn: false }
  })
  active.sum = sum
  active.measurement = { round, state: openMeasurement(assignments), isUnseen: true, assignmentFor }
  for (const [agentId, assignmentId] of assignments)
    active.ask(agentId, assignmentId, () => assignmentFor(assignmentId))
  return sum
}

/** Waits until all have measured and sent keys, their leases have lapsed, or the deadline of a round has passed. */
async function awaitKeys(parts: Parts, active: ActiveRun, sum: OpenSum, { agents, startedMs }: Sitting) {
  const { deadlineMs } = active.run().spec.rounds
  const isLate = () => deadlineMs !== null && parts.clock.monotonicMs() - startedMs >= deadlineMs
  await whileTicking(parts, active, () => {
    const given = answersTo(sum.state, 'keys')
    const isOver = (agentId: string) =>
      given.has(agentId) || sum.state.gone.has(agentId) || active.leases.hasLapsed(agentId)
    return isLate() || agents.every(isOver)
  })
}

function withInputs(collecting: Collecting, { state, terms }: OpenSum): Collecting {
  const { elements, ring } = terms
  return [...answersTo(state, 'input')].reduce<Collecting>(
    (next, [agent, { masked }]) =>
      expectStep(addInput(next, { agent, vector: unpackRing(masked, elements, ring.bits) })),
    collecting,
  )
}

/** Who dropped out of a sum, or sent no keys. */
function unheard({ state }: OpenSum, { agents }: Sitting): ReadonlySet<string> {
  const keys = answersTo(state, 'keys')
  return new Set(agents.filter((agentId) => state.gone.has(agentId) || !keys.has(agentId)))
}

/** What may be told of a sum. Throws LoricaError LRC-4018 for numbers that no agents measure. */
function lossOf(elements: Uint32Array, agents: number): Pick<Measured, 'loss' | 'tokens' | 'unmeasured'> {
  const { lossSum, tokens, sites } = readable(elements, agents)
  if (sites >= LEAST_COHORT) return { loss: lossSum / tokens, tokens }
  return { loss: null, tokens: 0, unmeasured: `fewer than ${LEAST_COHORT} of ${agents} agents hold text out` }
}

function readable(elements: Uint32Array, agents: number) {
  try {
    return summedLoss(elements, agents)
  } catch (error) {
    throw notFinished((error as Error).message)
  }
}
