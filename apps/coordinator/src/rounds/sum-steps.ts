/**
 * The steps of a secure sum that are the same whatever it is of: from keys to whoever sends inputs, and from whoever sent them to the sum.
 * @module
 */
import {
  type Advertisement,
  type Closing,
  type Collecting,
  deliverShares,
  finishSum,
  gatherConfirmations,
  listKeys,
  type SecureSum,
  type VerifyText,
} from '@lorica/privacy'
import { rotationsText, verifyText } from '@lorica/protocol'
import type { SumTelling } from '../fleet/sum-telling.js'
import { answersTo } from '../runs/sum-state.js'
import type { ActiveRun } from './active-run.js'
import type { OpenSum } from './open-sum.js'
import type { Parts } from './parts.js'
import { expectStep } from './sum-refusal.js'
import { takeStep } from './sum-step.js'

/** Hears of each list of agents when it is settled, before anybody is told. */
export type OnList = (step: 'keys' | 'shares' | 'input' | 'confirmation', agents: readonly string[]) => void

/** From the keys that came to the inputs of whoever shared secrets: waits for shares, then for inputs. Throws LoricaError LRC-4018. */
export async function awaitInputs(
  parts: Parts,
  active: ActiveRun,
  sum: OpenSum,
  onList: OnList,
): Promise<Collecting> {
  const verify = verifierOf(parts)
  const isMember = ({ agent }: Advertisement) => parts.ledger.member(agent)?.left === null
  const keys = [...answersTo(sum.state, 'keys').values()].map((answer) => answer.keys).filter(isMember)
  const listed = expectStep(listKeys(sum.terms, keys, verify))
  const { agents } = listed.roster
  onList('keys', agents)
  const roster = keys.map((one) => ({ ...one, ...identityOf(parts, one.agent) }))
  const tell = (assignmentId: string): SumTelling => ({
    name: 'sum-roster',
    message: { assignmentId, agents: roster },
  })
  await takeStep(parts, active, sum, { step: 'shares', agents, tell })
  const shares = [...answersTo(sum.state, 'shares').values()].flatMap((answer) => answer.shares)
  const { next, deliveries } = expectStep(deliverShares(listed, shares))
  onList('shares', next.senders)
  await takeStep(parts, active, sum, {
    step: 'input',
    agents: next.senders,
    tell: (assignmentId, agentId) => {
      const { senders, shares: sealed } = deliveries.get(agentId) ?? { senders: [], shares: [] }
      const own = sealed.map(({ from, sealed: bytes }) => ({ from, sealed: bytes }))
      return { name: 'sum-delivery', message: { assignmentId, senders: [...senders], shares: own } }
    },
  })
  return next
}

/** Has the survivors confirm whose inputs are in the sum. Returns their confirmations. Throws LoricaError LRC-4018. */
export async function confirmSum(
  parts: Parts,
  active: ActiveRun,
  sum: OpenSum,
  { closing, onList }: { readonly closing: Closing; readonly onList: OnList },
): Promise<Exclude<ReturnType<typeof gatherConfirmations>, { refused: unknown }>> {
  onList('input', closing.survivors)
  const survivors = [...closing.survivors]
  await takeStep(parts, active, sum, {
    step: 'confirmation',
    agents: survivors,
    tell: (assignmentId) => ({ name: 'sum-survivors', message: { assignmentId, survivors } }),
  })
  const given = [...answersTo(sum.state, 'confirmation').values()].map((answer) => answer.confirmation)
  const confirmations = expectStep(gatherConfirmations(closing, given, verifierOf(parts)))
  onList('confirmation', confirmations.map(({ agent }) => agent).sort())
  return confirmations
}

/** Has whoever confirmed reveal shares, and takes the masks off. Throws LoricaError LRC-4018. */
export async function revealSum(
  parts: Parts,
  active: ActiveRun,
  sum: OpenSum,
  {
    closing,
    confirmations,
  }: { readonly closing: Closing; readonly confirmations: Awaited<ReturnType<typeof confirmSum>> },
): Promise<SecureSum & { readonly unmaskMs: number }> {
  await takeStep(parts, active, sum, {
    step: 'reveal',
    agents: confirmations.map(({ agent }) => agent).sort(),
    tell: (assignmentId) => ({
      name: 'sum-confirmations',
      message: { assignmentId, confirmations: [...confirmations] },
    }),
  })
  const reveals = [...answersTo(sum.state, 'reveal').values()].map((answer) => answer.reveal)
  const startedMs = parts.clock.monotonicMs()
  const opened = await (parts.aggregator?.finishSum(closing, reveals) ?? finishSum(closing, reveals))
  active.abort.signal.throwIfAborted()
  return { ...expectStep(opened), unmaskMs: Math.round(parts.clock.monotonicMs() - startedMs) }
}

/** The key of an agent, and how it came from the one that its id was made of. */
function identityOf({ ledger }: Parts, agentId: string) {
  const { publicKey = '', rotations = [] } = ledger.member(agentId) ?? {}
  return { publicKey, ...(rotations.length === 0 ? {} : { rotations: rotationsText(rotations) }) }
}

function verifierOf({ ledger }: Parts): VerifyText {
  return (agentId, text, signature) => {
    const member = ledger.member(agentId)
    return member !== undefined && member.left === null && verifyText(member.publicKey, text, signature)
  }
}
