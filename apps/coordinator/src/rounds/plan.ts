import type { SumTerms } from '@lorica/privacy'
import {
  type EvaluateAssignment,
  limits,
  type Probes,
  type RunSpec,
  type TrainAssignment,
} from '@lorica/protocol'
import { controlFor } from '../aggregation/scaffold.js'
import type { RunJournalEvent, Seat } from '../journal/event.js'
import type { RoundPrivacy } from '../journal/privacy-event.js'
import { carriedOver, isBuffered } from '../runs/carry.js'
import { askedOf, exampleDpIn } from '../runs/example-privacy.js'
import { holdOf } from '../runs/opening.js'
import { rateScheduleOf } from '../runs/rate-schedule.js'
import type { RoundState } from '../runs/round.js'
import { trustedIn } from '../runs/rule.js'
import type { Run } from '../runs/run.js'
import { isPrivate, sumDemands } from '../runs/secure-terms.js'
import { roundSeed } from '../runs/seed.js'
import { roundPrivacyOf } from '../runs/site-privacy.js'
import { sidedIn } from '../runs/strategy.js'
import { type Candidate, chooseAgents, rankOf, suitedAgents } from './selection.js'

/** The next round, or why it cannot begin yet, or why it never will. */
export type Plan =
  | { readonly kind: 'round'; readonly event: Extract<RunJournalEvent, { type: 'round-planned' }> }
  | { readonly kind: 'wait'; readonly reason: string; readonly untilMs: number | null }
  | { readonly kind: 'give-up'; readonly reason: string; readonly code?: 'LRC-3016' }

const NO_DEADLINE_MS = 30 * 24 * 3600 * 1000 // what agents are told where a round has no deadline, or their work counts after it
const ATTEMPTS = 3 // of one round, before its run fails

/** Chooses who takes part in the next round of a run, among the agents that are connected. */
export function planRound(
  run: Run,
  connected: readonly Candidate[],
  now: {
    readonly nowMs: number // of the work on the run: deadlines
    readonly wallMs: number // of the clock on the wall: schedules
    readonly newId: () => string
    /** Why agents cannot be waited for that have a seat of an earlier round, by agentId. */
    readonly absent?: ReadonlyMap<string, string>
    /** Why a round may not be asked of some agents, in words: the privacy budget of one of them would be exceeded. */
    readonly budgetFault?: (privacy: RoundPrivacy, agents: readonly Seat[]) => string | undefined
  },
): Plan {
  const { goal, buffer, minimum, deadlineMs, lateGraceMs, where } = run.spec.rounds
  const round = run.rounds.length + 1
  if (run.attempts >= ATTEMPTS) return { kind: 'give-up', reason: `round ${round} failed ${ATTEMPTS} times` }
  const hold = holdOf(run, now.wallMs)
  if (hold !== undefined) return { kind: 'wait', ...hold }
  const { seats: kept, over } = carriedOver(run, now.absent ?? new Map())
  const busy = new Set(kept.map(({ agentId }) => agentId))
  const free = connected.filter(({ agentId }) => !busy.has(agentId))
  const { suited } = suitedAgents(run, free)
  const willing = suited.filter(({ agentId }) => !run.excluded.includes(agentId))
  const count = willing.length + kept.length
  if (count < minimum) {
    const counts = `round ${round} needs ${minimum} ${minimum === 1 ? 'agent' : 'agents'}, ${count}`
    const found = where === null ? 'connected' : `of ${connected.length} connected selected by rounds.where`
    if (run.excluded.length === 0) return { kind: 'wait', reason: `${counts} ${found}`, untilMs: null }
    return { kind: 'give-up', reason: `${counts} left: ${run.excluded.length} declined or were refused` }
  }
  const trusted = trustedIn(run.spec)
  const root = willing.find(({ name }) => name === trusted)
  if (trusted !== null && root === undefined) {
    const reason = `round ${round} needs ${trusted}, whom aggregate.robust.root trusts`
    const hasLeft = run.excluded.some((agentId) =>
      suited.some((agent) => agent.agentId === agentId && agent.name === trusted),
    )
    if (hasLeft) return { kind: 'give-up', reason: `${reason}; it declined or was refused` }
    return { kind: 'wait', reason: `${reason}: not connected, or not selected`, untilMs: null }
  }
  const fresh = chooseAgents(run, round, free)
    .slice(0, mostSeats(run.spec))
    .map((agent) => seatOf(run.spec, agent, now.newId()))
  const privacy = roundPrivacyOf(run, fresh.length)
  const fault = privacy === null ? undefined : now.budgetFault?.(privacy, fresh)
  if (fault !== undefined)
    return { kind: 'give-up', code: 'LRC-3016', reason: `round ${round} is not asked for: ${fault}` }
  const deadlineAtMs = deadlineMs === null ? null : now.nowMs + deadlineMs
  const { runId, attempts } = run
  return {
    kind: 'round',
    event: {
      ...{
        type: 'round-planned',
        runId,
        round,
        attempt: attempts + 1,
        minimum: leastOf(run.spec, fresh.length),
      },
      ...{ goal: buffer?.size ?? goal, deadlineAtMs, lateGraceMs, seats: [...kept, ...fresh] },
      ...(root === undefined ? {} : { trusted: root.agentId }),
      ...(privacy === null ? {} : { privacy }),
      ...(over.length === 0 ? {} : { over }),
    },
  }
}

/** The updates that a round needs: of a secure sum, whose terms depend on how many agents there are, as many as must survive. */
function leastOf(spec: RunSpec, agents: number): number {
  return isPrivate(spec) ? sumDemands(spec, agents).minSurvivors : spec.rounds.minimum
}

const mostSeats = (spec: RunSpec): number => (isPrivate(spec) ? limits.sumAgents : Number.POSITIVE_INFINITY)

/** A seat for an agent in a run. */
export function seatOf(spec: Pick<RunSpec, 'peft'>, agent: Candidate, assignmentId: string): Seat {
  const { agentId, name, hello } = agent
  const rank = spec.peft.ranks === undefined ? {} : { rank: rankOf(spec, agent) }
  if (hello === undefined) return { agentId, name, assignmentId, ...rank }
  const { kind, name: library } = hello.device
  const device = library === undefined ? kind : `${kind}: ${library}`
  return { agentId, name, assignmentId, device, ...rank }
}

/** What a seat of a round is asked to train. */
export function trainAssignment(
  run: Run,
  round: Pick<RoundState, 'round' | 'deadlineAtMs' | 'lateGraceMs'> & Partial<Pick<RoundState, 'privacy'>>,
  seat: Seat,
  {
    nowMs,
    frozen,
    personal = [],
    terms,
  }: {
    readonly nowMs: number
    readonly frozen: readonly string[]
    readonly personal?: readonly string[]
    readonly terms?: SumTerms | undefined // of the sum that its update goes into
  },
): TrainAssignment {
  const { spec } = run
  const { holdout } = spec.evaluate
  const { proximal, optimizer, scaffold: _scaffold, ...local } = spec.local
  const { ranks: _, start: __, ...peft } = spec.peft
  const start = seat.start ?? { round: round.round, ...run.adapter }
  const { totalSteps, firstStep } = rateScheduleOf(spec, start.round)
  const control = controlFor(run, seat.agentId)
  const sided = sidedIn(spec)
  const exampleDp = exampleDpIn(spec)
  return {
    ...originOf(run, seat.assignmentId, start.round),
    kind: 'train',
    adapter: { version: start.version, files: [...start.files] },
    peft,
    data: { ...spec.data, holdout },
    local: {
      ...local,
      ...(proximal ? { proximal } : {}),
      ...(optimizer === 'sgd' ? { optimizer } : {}),
      ...{ totalSteps, firstStep },
    },
    ...(seat.rank === undefined || seat.rank === peft.rank ? {} : { rank: seat.rank }),
    seed: roundSeed(run.seed, start.round),
    maxUpdateNorm: exampleDp === undefined ? (round.privacy?.clip ?? spec.privacy.clip) : spec.privacy.clip,
    ...noiseFor(round.privacy),
    ...(spec.update.encoding === 'f32' ? {} : { update: { ...spec.update } }),
    ...(control === undefined ? {} : { control }),
    ...(terms === undefined ? {} : { secure: secureOf(terms) }),
    ...(sided === null ? {} : { trained: { rank: sided.rank } }),
    ...(frozen.length === 0 ? {} : { frozen: [...frozen] }),
    ...(personal.length === 0 ? {} : { personal: [...personal] }),
    ...(exampleDp === undefined ? {} : { dp: askedOf(exampleDp) }),
    deadlineMs: isBuffered(spec) ? NO_DEADLINE_MS : timeLeftMs(round, nowMs),
  }
}

/** What an agent is told of the terms of a sum beside its run and round. */
function secureOf({
  runId: _,
  round: __,
  measures: ___,
  training: ____,
  ring,
  noise,
  ...terms
}: SumTerms): NonNullable<TrainAssignment['secure']> {
  return { ...terms, ring: { ...ring }, ...(noise === undefined ? {} : { noise: { ...noise } }) }
}

/** What an agent is told of the noise that it adds itself. */
function noiseFor(privacy: RoundPrivacy | null | undefined): Pick<TrainAssignment, 'noise'> {
  return privacy?.noise === 'agent' ? { noise: { multiplier: privacy.valueNoise } } : {}
}

/** Milliseconds until nothing of a round is taken any more. */
function timeLeftMs(
  { deadlineAtMs, lateGraceMs }: Pick<RoundState, 'deadlineAtMs' | 'lateGraceMs'>,
  nowMs: number,
): number {
  if (deadlineAtMs === null) return NO_DEADLINE_MS
  return Math.max(1, Math.round(deadlineAtMs + lateGraceMs - nowMs))
}

/** What an agent is asked to measure, beside its own `personal` tensors. `maxTokens` null: all of its held-out text. */
export function evaluateAssignment(
  run: Run,
  of: { readonly assignmentId: string; readonly round: number; readonly maxTokens: number | null },
  {
    adapter,
    personal,
    against,
    probes,
    terms,
  }: {
    readonly adapter: Run['adapter']
    readonly personal: readonly string[]
    readonly terms?: SumTerms | undefined // of the sum that its loss goes into
    readonly against?: Run['adapter'] | undefined
    readonly probes?: Probes | undefined
  },
): EvaluateAssignment {
  const { spec } = run
  return {
    ...originOf(run, of.assignmentId, of.round),
    kind: 'evaluate',
    adapter: { version: adapter.version, files: [...adapter.files] },
    data: { ...spec.data, holdout: spec.evaluate.holdout },
    batch: spec.local.batch,
    maxTokensEvaluated: of.maxTokens,
    ...(against === undefined ? {} : { against: { version: against.version, files: [...against.files] } }),
    ...(probes === undefined ? {} : { probes }),
    ...(terms === undefined ? {} : { secure: secureOf(terms) }),
    ...(personal.length === 0 ? {} : { personal: [...personal] }),
    deadlineMs: spec.rounds.deadlineMs ?? NO_DEADLINE_MS,
  }
}

function originOf(run: Run, assignmentId: string, round: number) {
  return {
    assignmentId,
    runId: run.runId,
    round,
    base: { sha256: run.base.sha256, files: [...run.base.files] },
  }
}
