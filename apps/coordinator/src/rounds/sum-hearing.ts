/**
 * What agents answer to the steps of a secure sum, checked and brought to the sum of their round.
 * @module
 */
import { advertisementText, packedBytes, type SumTerms } from '@lorica/privacy'
import {
  encodeFrame,
  LoricaError,
  type SumConfirm,
  type SumInput,
  type SumKeys,
  type SumReveal,
  type SumShares,
  type UpdateOpen,
  verifyText,
} from '@lorica/protocol'
import { answersTo, type SumAnswer, withAnswer, without } from '../runs/sum-state.js'
import type { ActiveRun } from './active-run.js'
import type { Parts } from './parts.js'

/** An answer, and the assignment that it is about. */
export interface SumMessage {
  readonly assignmentId: string
  readonly answer: SumAnswer
}

/** Keys are held against those that came before and are passed on: what they belong to for those who look on is no part of them. */
export function keysIn(agent: string, { assignmentId, traceparent: _, ...keys }: SumKeys): SumMessage {
  return { assignmentId, answer: { step: 'keys', keys: { agent, ...keys } } }
}

export function sharesIn(from: string, { assignmentId, shares }: SumShares): SumMessage {
  const sealed = shares.map(({ to, sealed: bytes }) => ({ from, to, sealed: Uint8Array.from(bytes) }))
  return { assignmentId, answer: { step: 'shares', shares: sealed } }
}

export function inputIn({ assignmentId, masked }: SumInput): SumMessage {
  return { assignmentId, answer: { step: 'input', masked: Uint8Array.from(masked) } }
}

export function confirmationIn(agent: string, { assignmentId, signature }: SumConfirm): SumMessage {
  return { assignmentId, answer: { step: 'confirmation', confirmation: { agent, signature } } }
}

export function revealIn(agent: string, { assignmentId, shares }: SumReveal): SumMessage {
  const revealed = shares.map(({ of, secret, share }) => ({ of, secret, share: Uint8Array.from(share) }))
  return { assignmentId, answer: { step: 'reveal', reveal: { agent, shares: revealed } } }
}

/**
 * Takes an answer to a step of the sum that a run has under way. Throws LoricaError LRC-4019 for one that is not awaited, after which its agent drops
 * out when it contradicts itself, and LRC-6019 for keys that are not signed for this sum.
 */
export function takeSumAnswer(
  parts: Parts,
  active: ActiveRun,
  agentId: string,
  { assignmentId, answer }: SumMessage,
): void {
  const { sum } = active
  if (sum === null || sum.seatOf(agentId)?.assignmentId !== assignmentId)
    throw notAwaited('no sum of it is under way')
  if (answer.step === 'input') expectInput(sum.terms, answer)
  if (answer.step === 'keys') expectKeys(parts, active, answer)
  const next = withAnswer(sum.state, agentId, answer)
  if (typeof next === 'string') {
    const isRestarted = answer.step === 'keys' && answersTo(sum.state, 'keys').has(agentId)
    if (isRestarted) sum.state = without(sum.state, agentId, 'it was restarted, and lost its keys')
    throw notAwaited(next)
  }
  const nowMs = parts.clock.monotonicMs()
  if (next !== sum.state) sum.answeredAtMs = nowMs
  sum.state = next
  sum.said.bytesUp += encodeFrame(answer).byteLength
  sum.movedAtMs.set(agentId, nowMs)
}

/** Throws LoricaError LRC-4019 for an input that is no vector of the sum. */
function expectInput(
  { measures, elements, ring }: SumTerms,
  { masked }: { readonly masked: Uint8Array },
): void {
  if (measures === undefined) throw notAwaited('its input is an update, and comes as an upload')
  const wanted = packedBytes(elements, ring.bits)
  if (masked.byteLength !== wanted)
    throw notAwaited(`an input of ${wanted} bytes is awaited, and ${masked.byteLength} came`)
}

/** Throws LoricaError LRC-6019 for keys that their agent did not sign for this sum, or that another one sent. */
function expectKeys(parts: Parts, { sum }: ActiveRun, { keys }: Extract<SumAnswer, { step: 'keys' }>): void {
  if (sum === null) return
  const key = parts.ledger.member(keys.agent)?.publicKey ?? ''
  const isSigned = verifyText(key, advertisementText(sum.terms, keys), keys.signature)
  const own = [keys.channelKey, keys.maskKey, keys.seedCommitment]
  const others = [...answersTo(sum.state, 'keys').values()].filter((one) => one.keys.agent !== keys.agent)
  const taken = new Set(others.flatMap(({ keys: of }) => [of.channelKey, of.maskKey, of.seedCommitment]))
  if (isSigned && new Set(own).size === 3 && !own.some((one) => taken.has(one))) return
  throw new LoricaError('LRC-6019', 'keys of a secure sum do not verify', {
    expected: 'three new keys, signed by their agent for these terms',
    received: isSigned ? 'one that was sent before' : 'another signature',
  })
}

/** The agent will not answer any more: it drops out of the sum that its assignment is of. */
export function dropOut(
  { sum }: ActiveRun,
  agentId: string,
  { assignmentId, why }: { readonly assignmentId: string; readonly why: string },
): void {
  if (sum === null || sum.seatOf(agentId)?.assignmentId !== assignmentId) return
  sum.state = without(sum.state, agentId, why)
}

/** The terms under which an agent may hand its masked update in now. Throws LoricaError LRC-4019 when it may not. */
export function termsFor({ sum, run }: ActiveRun, agentId: string, { sha256 }: UpdateOpen): SumTerms {
  if (sum === null || sum.terms.measures !== undefined) throw notAwaited('no sum of it is under way')
  const seat = run().current?.seats.get(agentId)
  const isKnown = seat?.status === 'accepted' && seat.contribution.updateSha256 === sha256 // it lost the answer
  const { step, awaited, gone } = sum.state
  if (isKnown || (step === 'input' && awaited.has(agentId) && !gone.has(agentId))) return sum.terms
  throw notAwaited(gone.get(agentId) ?? `${step} is awaited, and its masked update came`)
}

function notAwaited(why: string): LoricaError {
  return new LoricaError('LRC-4019', `step of a secure sum: ${why}`, {
    expected: 'the step that is awaited, once',
    received: 'another one',
  })
}
