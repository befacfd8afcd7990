/**
 * Directs the rollouts of a fleet: records what is decided, and hears how it went.
 * @module
 */
import {
  type Decline,
  type Evaluation,
  LoricaError,
  parseRolloutSpec,
  type RolloutDetail,
  type RolloutPreview,
  type RolloutView,
  type ServingHealth,
  type TargetReport,
} from '@lorica/protocol'
import type { Presence } from '../fleet/roster.js'
import type { RolloutStep } from '../journal/rollout-event.js'
import type { RequestMark } from '../request-mark.js'
import type { Parts } from '../rounds/parts.js'
import { createCalling } from './calling.js'
import { decide, type Known } from './decision.js'
import { makeFirstChampion } from './first-champion.js'
import { metricsOf } from './metrics.js'
import { metricsTold } from './metrics-told.js'
import { createObservations } from './observation.js'
import { type Making, orderFor, stepFor, type Verb } from './order.js'
import { createQuestions, lossPairsOf, mayMeasure } from './questions.js'
import { createReturns } from './returns.js'
import { isOpen, type Rollout } from './rollout.js'
import { openRollout, watchedRollout } from './rollouts.js'
import { CHAMPION, findChampion, previewOf, startOf } from './starting.js'
import { issueTarget } from './targets.js'
import { createTelling } from './telling.js'
import { createUpkeep } from './upkeep.js'
import { rolloutDetail, rolloutView, tagOf } from './view.js'
import { newsOf, questionsAt } from './webhook.js'

export interface Director {
  arrived(presence: Presence): void
  departed(agentId: string): void
  reported(agentId: string, report: TargetReport): void
  served(agentId: string, health: ServingHealth): void
  /** Take a loss that was asked for here, or that there is none; each says whether it was asked for here. */
  evaluated(agentId: string, evaluation: Evaluation): boolean
  declined(agentId: string, decline: Pick<Decline, 'assignmentId' | 'code' | 'message'>): boolean
  /** The alias of the champion was moved by a person. */
  championMoved(): void
  /** Throws LoricaError LRC-3022 while a rollout is open. */
  expectNoneOpen(): void
  preview(release: string, plan: unknown): RolloutPreview
  /** Throws as `startOf`; resolves to the id of the rollout once it is safe. */
  start(release: string, plan: unknown, mark?: { readonly request?: RequestMark }): Promise<string>
  /** Throws LoricaError LRC-3019, and LRC-3023 for what does not go with the state of the rollout; `expect` throws for one that has moved on, by its tag. */
  act(
    rolloutId: string,
    verb: Verb,
    options?: { readonly isFull?: boolean; readonly expect?: (tag: string) => void },
  ): Promise<void>
  views(): readonly RolloutView[]
  detail(rolloutId: string): RolloutDetail
  stop(): void
}

const TICK_MS = 250 // while a rollout is open
const IDLE_TICK_MS = 60_000
const DIVERGED = 'LRC-6011' // a loss that is not finite

/** Starts directing: goes on with the rollout that the ledger has open, and watches the one that is done. */
export function startDirector(parts: Parts): Director {
  const { ledger, roster, registry, clock, log } = parts
  const observations = createObservations()
  const telling = createTelling(parts)
  const questions = createQuestions(parts, (rollout, agentId, evaluation) => {
    const { rolloutId } = rollout
    const pairs = lossPairsOf(evaluation)
    const isWatched = rollout.state === 'done'
    if (pairs !== null || !isWatched) ledger.record({ type: 'rollout-measured', rolloutId, agentId, pairs })
    tellMetrics(rolloutId)
    if (isWatched && questions.waiting() === 0) clock.after(0, () => endMeasuring(rolloutId)) // until the next time
    advance()
  })
  const state = () => ledger.rollouts()
  const returns = createReturns((openRollout(state()) ?? watchedRollout(state()))?.rolloutId, clock.now)
  const tellMetrics = metricsTold(parts)
  const champion = () => ledger.aliases().get(CHAMPION)
  const issue: Making['issue'] = (of) => issueTarget(of, { serial: state().serial + 1, nowMs: clock.now() })

  const upkeep = createUpkeep({
    ...{ ...parts, issue, take, tellAll: telling.tellAll },
    again: () => isStopped || advance(),
  })
  const calling = createCalling(parts, (rolloutId, { key, hook: { hook } }, outcome) => {
    log('webhook', { rollout: rolloutId, hook, ...outcome })
    ledger.record({ type: 'rollout-webhook', rolloutId, key, hook, ...outcome })
    advance()
  })

  function metrics(rollout: Rollout) {
    const isMeasured = mayMeasure(ledger.run(registry.find(rollout.release)?.manifest.runId ?? ''))
    return metricsOf(rollout, (agents) => observations.of(rollout, agents, isMeasured))
  }

  const knownOf = (rollout: Rollout): Known => ({
    nowMs: clock.now(),
    isMember: (agentId) => ledger.member(agentId)?.left === null,
    isConnected: (agentId) => roster.find(agentId) !== undefined,
    isAwaited: (agentId) => returns.isAwaited(rollout, agentId),
    sinceMs: returns.sinceMs,
    metrics: metrics(rollout),
    measuring: questions.waiting(),
  })

  /** Goes as far as it can for now. */
  function advance(): void {
    try {
      upkeep.keep()
      telling.retell()
      for (const one of state().all.values()) calling.call(one.rolloutId, newsOf(one))
      for (;;) {
        const rollout = openRollout(state()) ?? watchedRollout(state())
        if (rollout === undefined) return
        questions.ask(rollout)
        const known = knownOf(rollout)
        const isOver = !isOpen(rollout) && champion() !== rollout.release // somebody moved the champion
        const decision = isOver ? ({ kind: 'end-watch' } as const) : decide(rollout, known)
        const step = stepFor(rollout, decision, {
          evidence: rollout.group === 0 ? null : known.metrics,
          issue,
        })
        if (decision.kind === 'wait' && decision.asks !== undefined)
          calling.call(rollout.rolloutId, questionsAt(rollout, decision.asks))
        if (step === undefined) return
        log('rollout', {
          rollout: rollout.rolloutId,
          step: decision.kind,
          ...('reason' in decision ? { why: decision.reason } : {}),
        })
        take(step)
      }
    } catch (error) {
      log('fault', { stack: (error as Error).stack ?? String(error) })
    }
  }

  /** Records a step, and does what follows from it. */
  function take(step: RolloutStep): void {
    ledger.record(step)
    if (step.type === 'rollout-retried') {
      questions.reset()
      telling.forgetAll()
    }
    if (step.type === 'rollout-aborted' || step.type === 'rollout-done' || step.type === 'rollout-undone')
      clock.after(0, () => endMeasuring(step.rolloutId)) // after the answer that led to it
    telling.tellAll()
    arm()
  }

  /** Agents may close what measured. */
  function endMeasuring(runId: string): void {
    for (const presence of roster.all())
      presence.sendRunEnded({ runId, state: 'succeeded' }).catch(() => undefined)
  }

  function rolloutOf(rolloutId: string): Rollout {
    const { all } = state()
    const rollout = rolloutId === 'latest' ? [...all.values()].at(-1) : all.get(rolloutId)
    if (rollout !== undefined) return rollout
    if (rolloutId === 'latest')
      throw new LoricaError('LRC-3019', 'there was no rollout yet', {
        action: 'Start one with `lorica rollout start RELEASE`.',
      })
    throw new LoricaError('LRC-3019', `no rollout ${rolloutId.slice(0, 80)}`, {
      expected: [...all.keys()].slice(-5).join(', ') || 'a rollout that was started',
      received: rolloutId.slice(0, 80),
    })
  }

  const viewed = (rollout: Rollout) => ({
    known: knownOf(rollout),
    standing: state().standing,
    nameOf: (agentId: string) => ledger.member(agentId)?.name ?? agentId,
  })
  let isStopped = false
  let cancelTick = () => {}
  function arm(): void {
    cancelTick()
    if (isStopped) return
    const delayMs = openRollout(state()) === undefined ? IDLE_TICK_MS : TICK_MS
    cancelTick = clock.after(delayMs, () => {
      advance()
      arm()
    })
  }
  const unlisten = ledger.listen(({ type }) => {
    if (type === 'run-ended') clock.after(0, () => isStopped || advance())
  })
  advance()
  arm()
  return {
    arrived(presence) {
      telling.forget(presence.agentId)
      telling.tell(presence)
      advance()
    },
    departed(agentId) {
      telling.forget(agentId)
      questions.departed(agentId)
    },
    reported(agentId, { serial, releaseId, outcome, isServed, downloadedBytes, switchMs, reason }) {
      const release = registry.all().find(({ id }) => id === releaseId)?.name
      if (release === undefined) return
      if (!isServed) returns.heard(agentId)
      const text = reason === null ? null : `${reason.code}: ${reason.message}`
      const last = state().standing.get(agentId)
      const open = openRollout(state())
      const isSame = last?.releaseId === releaseId && last.outcome === outcome
      const isKnown = isSame && last.isServed === isServed && last.reason === text
      if (isKnown && (open?.releaseId !== releaseId || open.reports.has(agentId))) return
      ledger.record({
        ...{ type: 'target-reported', agentId, serial, release, releaseId, outcome, isServed },
        ...{ downloadedBytes, switchMs, reason: text },
      })
      advance()
    },
    served(agentId, health) {
      observations.hear(agentId, health)
      returns.heard(agentId)
      const judged = openRollout(state()) ?? watchedRollout(state())
      if (judged !== undefined) tellMetrics(judged.rolloutId)
      advance()
    },
    evaluated: (agentId, evaluation) => questions.answered(agentId, evaluation.assignmentId, evaluation),
    declined(agentId, { assignmentId, code, message }) {
      const report = questions.asked(agentId, assignmentId)?.reports.get(agentId)
      if (code === DIVERGED && report !== undefined) {
        const { serial, release, releaseId, isServed } = report
        ledger.record({
          ...{ type: 'target-reported', agentId, serial, release, releaseId, outcome: 'failed', isServed },
          ...{ downloadedBytes: 0, switchMs: 0, reason: `${code}: ${message}` },
        })
      }
      return questions.answered(agentId, assignmentId, null)
    },
    championMoved: advance,
    expectNoneOpen() {
      const open = openRollout(state())
      if (open === undefined) return
      throw new LoricaError('LRC-3022', `rollout ${open.rolloutId} of ${open.release} is ${open.state}`)
    },
    preview(release, raw) {
      const { event, notes } = startOf(
        { release, plan: parseRolloutSpec(raw), run: null, isPlanned: true },
        parts,
      )
      return previewOf(event, notes, parts)
    },
    async start(release, raw, mark = {}) {
      const plan = parseRolloutSpec(raw)
      if (findChampion(parts) === undefined) {
        const { event } = startOf({ release, plan, run: null, isPlanned: true }, parts) // nothing is made for what is refused
        await makeFirstChampion(registry.find(event.release)!, parts)
      }
      upkeep.followChampion()
      const { event, notes } = startOf({ release, plan, run: null }, parts)
      for (const note of notes) log('rollout-note', { rollout: event.rolloutId, note })
      questions.reset()
      take({ ...event, ...mark })
      advance()
      await ledger.flush()
      return event.rolloutId
    },
    async act(rolloutId, verb, { isFull = false, expect } = {}) {
      const rollout = rolloutOf(rolloutId)
      expect?.(tagOf(rollout))
      const isLast = [...state().all.keys()].at(-1) === rollout.rolloutId
      const evidence = rollout.group === 0 ? null : metrics(rollout)
      take(orderFor(rollout, verb, { champion: champion(), isLast, isFull, evidence, issue }))
      log('rollout', { rollout: rollout.rolloutId, step: verb, by: 'operator' })
      advance()
      await ledger.flush()
    },
    views: () => [...state().all.values()].map((rollout) => rolloutView(rollout, viewed(rollout))),
    detail(rolloutId) {
      const rollout = rolloutOf(rolloutId)
      return rolloutDetail(rollout, viewed(rollout))
    },
    stop() {
      isStopped = true
      cancelTick()
      calling.stop()
      unlisten()
    },
  }
}
