import { looksCloser } from '@lorica/protocol'
import type { Measured } from '../journal/event.js'
import { judge, judgePooled, unmeasured, type Verdict } from '../releases/gate.js'
import { exampleDpIn } from '../runs/example-privacy.js'
import type { RoundState } from '../runs/round.js'
import type { Run } from '../runs/run.js'
import { isPrivate } from '../runs/secure-terms.js'
import type { ActiveRun } from './active-run.js'
import type { Parts } from './parts.js'
import { openRoundOf, waitFor } from './training.js'

/** A verdict that is final. */
export interface Decided extends Verdict {
  readonly verdict: 'released' | 'rejected'
}

/** Whether agents are asked to compare a candidate with the adapter before, example by example. */
export function comparesExamples({ evaluate }: Run['spec']): boolean {
  return evaluate.guards.some(looksCloser)
}

/** Decides over the measured candidate of the open round. Where its guards cannot tell, waits until an operator has decided. */
export async function judgeCandidate(parts: Parts, active: ActiveRun, measured: Measured): Promise<Decided> {
  const { runId } = active.run()
  const { round } = openRoundOf(active)
  const found = verdictOf(parts, active.run(), openRoundOf(active), measured)
  const { verdict } = found
  if (verdict !== 'held') return { ...found, verdict }
  const { reason, guards } = found
  if (openRoundOf(active).held === null)
    parts.ledger.record({ type: 'candidate-held', runId, round, measured, reason, guards })
  const decision = () => openRoundOf(active).held?.decision ?? null
  const waiting = `round ${round} waits for a person: ${reason}. \`lorica run approve ${runId}\` releases it, \`lorica run reject ${runId}\` does not`
  if (decision() === null)
    await waitFor(parts, active, { reason: waiting, untilMs: null }, () => decision() !== null)
  const made = decision()
  if (made === null) throw new RangeError(`round ${round} of ${runId} expected a decision, got none`)
  const by = `${made.decision === 'released' ? 'approved' : 'rejected'} by an operator${made.reason === null ? '' : `: ${made.reason}`}`
  return { ...found, verdict: made.decision, reason: `${reason}; ${by}` }
}

function verdictOf(
  { ledger }: Pick<Parts, 'ledger'>,
  run: Run,
  round: RoundState,
  measured: Measured,
): Verdict {
  if (round.privacy !== null || exampleDpIn(run.spec) !== undefined) return unmeasured(measured)
  const { evaluate } = run.spec
  if (isPrivate(run.spec)) return judgePooled(measured, run.parent, evaluate)
  return judge(measured, run.parent, evaluate, (agentId) => ledger.member(agentId)?.labels ?? {})
}
