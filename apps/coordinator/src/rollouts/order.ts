/**
 * What a person tells a rollout, and what the rollout decided, as the events that follow. Pure.
 * @module
 */
import { LoricaError, type MetricView } from '@lorica/protocol'
import type { IssuedTarget, RolloutStep } from '../journal/rollout-event.js'
import type { Decision } from './decision.js'
import { isOpen, type Rollout } from './rollout.js'

export type Verb = 'approve' | 'promote' | 'pause' | 'resume' | 'abort' | 'retry' | 'undo'

/** What an event is made with. */
export interface Making {
  readonly evidence: readonly MetricView[] | null // the metrics as they are now
  readonly issue: (of: Omit<IssuedTarget, 'serial' | 'issuedAt' | 'expiresAt'>) => IssuedTarget
}

/** The event that follows from a decision; undefined where it is to wait. */
export function stepFor(
  rollout: Rollout,
  decision: Decision,
  { evidence, issue }: Making,
): RolloutStep | undefined {
  const { rolloutId } = rollout
  switch (decision.kind) {
    case 'wait':
      return undefined
    case 'open': {
      const target = issue(candidateOf(rollout))
      return { type: 'rollout-group-opened', rolloutId, group: decision.group, target }
    }
    case 'admit':
      return { type: 'rollout-admitted', rolloutId, count: decision.count }
    case 'soak':
      return { type: 'rollout-soaking', rolloutId, group: decision.group }
    case 'pause':
      return { type: 'rollout-paused', rolloutId, by: decision.by, reason: decision.reason, evidence }
    case 'abort':
    case 'undo': {
      const { kind, by, reason } = decision
      const said = { rolloutId, by, reason, evidence }
      if (kind === 'undo') return { type: 'rollout-undone', ...said, target: issue(backOf(rollout)) }
      return { type: 'rollout-aborted', ...said, target: rollout.group === 0 ? null : issue(backOf(rollout)) }
    }
    case 'finish': {
      const target = issue({ ...candidateOf(rollout), rollout: null })
      return { type: 'rollout-done', rolloutId, evidence, target }
    }
    case 'end-watch':
      return { type: 'rollout-watch-ended', rolloutId, evidence }
  }
}

/**
 * The event that follows from what a person said. `champion` is the name of the release that is the champion, `isLast` whether no rollout was created since.
 * Throws LoricaError LRC-3023 for what does not go with the state of the rollout.
 */
export function orderFor(
  rollout: Rollout,
  verb: Verb,
  {
    champion,
    isLast,
    isFull,
    ...making
  }: Making & {
    readonly champion: string | undefined
    readonly isLast: boolean
    readonly isFull: boolean
  },
): RolloutStep {
  const { rolloutId, group, state } = rollout
  const { evidence, issue } = making
  const said = { by: 'operator', reason: 'an operator said so' } as const
  const expect = (isFit: boolean, expected: string): void => {
    if (isFit) return
    const message = `rollout ${rolloutId} is ${state}: it cannot be told to ${verb}`
    throw new LoricaError('LRC-3023', message, { expected, received: state })
  }
  switch (verb) {
    case 'approve':
      expect(state === 'pending' && !rollout.isApproved, 'one that waits for approval')
      return { type: 'rollout-approved', rolloutId }
    case 'promote':
      expect(isOpen(rollout), 'an open rollout')
      return { type: 'rollout-promoted', rolloutId, isFull }
    case 'pause':
      expect(isOpen(rollout) && state !== 'paused', 'one that goes on')
      return { type: 'rollout-paused', rolloutId, ...said, evidence }
    case 'resume':
      expect(state === 'paused', 'a paused one')
      return { type: 'rollout-resumed', rolloutId }
    case 'retry': {
      expect(
        state === 'paused' || (state === 'aborted' && isLast),
        'a paused one, or the last one if it was aborted',
      )
      expect(champion === rollout.previous, `the champion ${rollout.previous}`)
      const target = state === 'paused' && group > 0 ? issue(candidateOf(rollout)) : null
      return { type: 'rollout-retried', rolloutId, target }
    }
    case 'abort':
      expect(isOpen(rollout), 'an open rollout')
      return {
        ...{ type: 'rollout-aborted', rolloutId, ...said, evidence },
        target: group === 0 ? null : issue(backOf(rollout)),
      }
    case 'undo':
      if (isOpen(rollout)) return orderFor(rollout, 'abort', { champion, isLast, isFull, ...making })
      expect(state === 'done' && champion === rollout.release, 'one whose release is the champion')
      return { type: 'rollout-undone', rolloutId, ...said, evidence, target: issue(backOf(rollout)) }
  }
}

const candidateOf = ({ release, releaseId, previous, rolloutId }: Rollout) => ({
  ...{ release, releaseId, previous, rollout: rolloutId },
})

const backOf = ({ release, previous, previousId }: Rollout) => ({
  ...{ release: previous, releaseId: previousId, previous: release, rollout: null },
})
