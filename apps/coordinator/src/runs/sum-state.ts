/**
 * Where a secure sum stands: which step is awaited, of whom, and what has come. Kept in memory only: it holds sealed shares and, at the
 * end, shares in the clear. The journal has lists and hashes.
 * @module
 */
import type { Advertisement, Confirmation, Reveal, SealedShares } from '@lorica/privacy'

/** The steps of a secure sum, in their order. */
export type SumStep = 'keys' | 'shares' | 'input' | 'confirmation' | 'reveal'

/** What an agent answers to a step; an update comes as an upload instead of an input. */
export type SumAnswer =
  | { readonly step: 'keys'; readonly keys: Advertisement }
  | { readonly step: 'shares'; readonly shares: readonly SealedShares[] }
  | { readonly step: 'input'; readonly masked: Uint8Array }
  | { readonly step: 'confirmation'; readonly confirmation: Confirmation }
  | { readonly step: 'reveal'; readonly reveal: Reveal }

export interface SumState {
  readonly step: SumStep
  readonly awaited: ReadonlySet<string> // agentIds whose answers this step waits for; of keys: any seat
  readonly answers: ReadonlyMap<SumStep, ReadonlyMap<string, SumAnswer>> // by agentId
  readonly gone: ReadonlyMap<string, string> // agentIds that drop out, and why
}

/** A sum that waits for keys. */
export function openSum(): SumState {
  return { step: 'keys', awaited: new Set(), answers: new Map(), gone: new Map() }
}

/** The answers to a step, by agentId in their order. */
export function answersTo<S extends SumAnswer['step']>(
  { answers }: SumState,
  step: S,
): ReadonlyMap<string, Extract<SumAnswer, { readonly step: S }>> {
  const isOf = (answer: SumAnswer): answer is Extract<SumAnswer, { readonly step: S }> => answer.step === step
  const given = [...(answers.get(step) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map(given.flatMap(([agentId, answer]) => (isOf(answer) ? [[agentId, answer] as const] : [])))
}

/**
 * A sum after an answer; a text when it is refused. The same answer again changes nothing, whichever step is awaited by now. Keys may be
 * replaced while keys are awaited: their agent was restarted. An agent that answers otherwise than it did has lost what it answered with.
 */
export function withAnswer(state: SumState, agentId: string, answer: SumAnswer): SumState | string {
  const { step } = answer
  const known = state.answers.get(step)?.get(agentId)
  if (known !== undefined && sameAnswer(known, answer)) return state
  if (step !== state.step) return `${state.step} is awaited, and its ${step} came`
  if (known !== undefined && step !== 'keys') return `its ${step} came before, and was another`
  if (step !== 'keys' && !state.awaited.has(agentId))
    return `its ${step} is not awaited: it dropped out before`
  const given = new Map([...(state.answers.get(step) ?? []), [agentId, answer]])
  return { ...state, answers: new Map([...state.answers, [step, given]]) }
}

/** A sum that waits for the next step. */
export function awaiting(state: SumState, step: SumStep, agents: Iterable<string>): SumState {
  return { ...state, step, awaited: new Set(agents) }
}

/** A sum that an agent drops out of. Its keys do not count while keys are awaited. */
export function without(state: SumState, agentId: string, why: string): SumState {
  const gone = new Map([...state.gone, [agentId, why]])
  if (state.step !== 'keys') return { ...state, gone }
  const keys = new Map(state.answers.get('keys') ?? [])
  keys.delete(agentId)
  return { ...state, gone, answers: new Map([...state.answers, ['keys', keys]]) }
}

/** Whom a step still waits for: who is awaited, has not answered, and did not drop out. */
export function missing(state: SumState): readonly string[] {
  const given = state.answers.get(state.step)
  return [...state.awaited].filter((agentId) => given?.has(agentId) !== true && !state.gone.has(agentId))
}

function sameAnswer(one: SumAnswer, other: SumAnswer): boolean {
  return textOf(one) === textOf(other)
}

const textOf = (answer: SumAnswer): string =>
  JSON.stringify(answer, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  )
