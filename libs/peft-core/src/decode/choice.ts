/**
 * Which token comes next, among those that the logits of a position allow, and how likely it was.
 * @module
 */
import { type Distribution, sampleToken } from '../evaluate/sample.js'

export interface ChoiceOptions extends Distribution {
  /** Taken from the logit of every token that the answer has already. */
  readonly presencePenalty?: number
  /** Taken from the logit of a token once for each time that the answer has it. */
  readonly frequencyPenalty?: number
  /** Added to the logits of tokens, by their ids. */
  readonly bias?: readonly (readonly [id: number, added: number])[]
}

/** Draws from the logits with the penalties for what came before: how often, by the id of a token. */
export function chooseToken(
  logits: Float32Array,
  options: ChoiceOptions,
  { before, random }: { readonly before: ReadonlyMap<number, number>; random(): number },
): number {
  const { presencePenalty = 0, frequencyPenalty = 0, bias = [] } = options
  const isPenal = before.size > 0 && (presencePenalty !== 0 || frequencyPenalty !== 0)
  if (!isPenal && bias.length === 0) return sampleToken(logits, options, random)
  const changed = Float32Array.from(logits)
  for (const [id, added] of bias) changed[id] = (changed[id] as number) + added
  if (isPenal) {
    for (const [id, times] of before)
      changed[id] = (changed[id] as number) - presencePenalty - times * frequencyPenalty
  }
  return sampleToken(changed, options, random)
}

export interface TokenLikelihood {
  /** The natural logarithm of the probability that the model gave the token, before penalties and temperature. */
  readonly logprob: number
  /** The likeliest tokens with theirs, the likeliest first. */
  readonly top: readonly (readonly [id: number, logprob: number])[]
}

/** How likely the model held a token, and which ones it held likeliest. */
export function likelihoodOf(logits: Float32Array, id: number, alternatives: number): TokenLikelihood {
  const most = logits.reduce((so, logit) => Math.max(so, logit), Number.NEGATIVE_INFINITY)
  const total = most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0))
  const top: [number, number][] = []
  if (alternatives > 0) {
    for (const [candidate, logit] of logits.entries()) {
      if (top.length === alternatives && logit <= (top.at(-1)?.[1] ?? 0)) continue
      const at = top.findIndex(([, other]) => logit > other)
      top.splice(at === -1 ? top.length : at, 0, [candidate, logit])
      if (top.length > alternatives) top.pop()
    }
  }
  return {
    logprob: (logits[id] as number) - total,
    top: top.map(([candidate, logit]) => [candidate, logit - total]),
  }
}
