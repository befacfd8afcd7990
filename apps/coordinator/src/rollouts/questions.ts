/**
 * Agents that have a release are asked for its losses and those of the champion, on the same held-out rows.
 * @module
 */
import {
  type EvaluateAssignment,
  type Evaluation,
  LoricaError,
  type ReleaseView,
  refusalOf,
} from '@lorica/protocol'
import type { Presence } from '../fleet/roster.js'
import type { LossPairs } from '../journal/rollout-event.js'
import { newId } from '../random.js'
import type { Parts } from '../rounds/parts.js'
import { evaluateAssignment } from '../rounds/plan.js'
import { measuresHeldOut } from '../runs/example-privacy.js'
import { hidesSites } from '../runs/hidden-sites.js'
import type { Run } from '../runs/run.js'
import { hasPersonal } from '../runs/strategy.js'
import type { Rollout } from './rollout.js'

export interface Questions {
  /** Asks those of a rollout that have the release, hold text out, and were not asked since they connected; those of a watched one anew. */
  ask(rollout: Rollout): void
  /** How many were asked and have yet to answer. */
  waiting(): number
  /** The rollout that an agent was asked about with this assignment. */
  asked(agentId: string, assignmentId: string): Rollout | undefined
  /** Takes an answer, null for a decline; says whether it was one that was asked for here. */
  answered(agentId: string, assignmentId: string, evaluation: Evaluation | null): boolean
  /** Forgets what an agent was asked: it is asked again when it is back. */
  departed(agentId: string): void
  /** Asks all agents anew. */
  reset(): void
}

/** Between two measurements of a watch, in a journal from before plans said so. */
const MEASURE_MS = 3_600_000

/** Whether agents may be asked for the losses of a release: not where sites or examples are protected, or have parts of their own. */
export function mayMeasure(run: Run | undefined): boolean {
  if (run === undefined) return false
  return measuresHeldOut(run.spec) && !hidesSites(run.spec) && !hasPersonal(run.spec)
}

export function createQuestions(
  parts: Pick<Parts, 'ledger' | 'roster' | 'registry' | 'random' | 'log' | 'clock'>,
  onAnswer: (rollout: Rollout, agentId: string, evaluation: Evaluation | null) => void,
): Questions {
  const asked = new Map<string, { readonly rollout: Rollout; readonly assignmentId: string }>()
  const answered = new Map<string, number>() // when
  const assignmentFor = (rollout: Rollout, assignmentId: string): EvaluateAssignment | undefined => {
    const [release, champion] = [rollout.release, rollout.previous].map(parts.registry.find)
    const run = parts.ledger.run(release?.manifest.runId ?? '')
    if (run === undefined || release === undefined || champion === undefined || !mayMeasure(run))
      return undefined
    const of = { assignmentId, round: release.manifest.round, maxTokens: rollout.plan.tokens }
    const assignment = evaluateAssignment(run, of, { adapter: adapterOf(release), personal: [] })
    return { ...assignment, runId: rollout.rolloutId, against: adapterOf(champion) }
  }
  const sinceMs = parts.clock.now()
  /** Once while a rollout is open; while it is watched, again and again. */
  const isDue = ({ state, measured, plan }: Rollout, agentId: string): boolean => {
    if (state !== 'done') return !measured.has(agentId) && !answered.has(agentId)
    const lastMs = answered.get(agentId) ?? sinceMs
    return parts.clock.now() - lastMs >= (plan.measureMs ?? MEASURE_MS)
  }
  const send = (rollout: Rollout, presence: Presence): void => {
    const assignmentId = newId(parts.random)
    const assignment = assignmentFor(rollout, assignmentId)
    if (assignment === undefined) return
    asked.set(presence.agentId, { rollout, assignmentId })
    presence.sendAssignment(assignment).catch((error: Error) => {
      if (asked.get(presence.agentId)?.assignmentId !== assignmentId) return
      asked.delete(presence.agentId)
      parts.log('losses-not-asked', {
        agent: presence.agentId,
        code: refusalOf(error).code,
        why: error.message,
      })
    })
  }
  return {
    ask(rollout) {
      if (!rollout.plan.analysis.some(({ metric }) => metric === 'loss')) return
      for (const [agentId, { outcome }] of rollout.reports) {
        if (outcome !== 'applied' || asked.has(agentId) || !isDue(rollout, agentId)) continue
        const presence = parts.roster.find(agentId)
        if (presence !== undefined && presence.hello.dataset.documents > 0) send(rollout, presence)
      }
    },
    waiting: () => asked.size,
    asked(agentId, assignmentId) {
      const question = asked.get(agentId)
      return question?.assignmentId === assignmentId ? question.rollout : undefined
    },
    answered(agentId, assignmentId, evaluation) {
      const question = asked.get(agentId)
      if (question === undefined || question.assignmentId !== assignmentId) return false
      if (evaluation !== null && evaluation.comparison === undefined)
        throw new LoricaError(
          'LRC-1007',
          'evaluation: "comparison": expected that of an assignment with against',
          {
            expected: 'a comparison',
            received: 'nothing',
          },
        )
      asked.delete(agentId)
      answered.set(agentId, parts.clock.now())
      onAnswer(question.rollout, agentId, evaluation)
      return true
    },
    departed(agentId) {
      asked.delete(agentId)
      answered.delete(agentId)
    },
    reset() {
      asked.clear()
      answered.clear()
    },
  }
}

/** What an answer says of the losses of rows; null: the agent does not measure. */
export function lossPairsOf(evaluation: Evaluation | null): LossPairs | null {
  const { comparison } = evaluation ?? {}
  if (evaluation === null || comparison === undefined) return null
  return { ...comparison.loss, against: comparison.againstLossSum / evaluation.tokens }
}

const adapterOf = ({ manifest }: ReleaseView) => ({ version: manifest.version, files: [...manifest.files] })
