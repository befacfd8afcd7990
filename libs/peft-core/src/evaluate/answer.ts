/**
 * Answers to prompts, and how long they took.
 * @module
 */
import type { NextLogits } from '../runtime/next-token.js'
import { generate, type Sampling } from './generate.js'

export interface Answer {
  readonly ids: readonly number[]
  readonly milliseconds: number // from its start to its end
  readonly firstMs: number // until its first token, or its end where it has none
}

/** Answers each prompt, one after the other; each has a seed of its own. `readerFor` opens a reader for a text of so many tokens. */
export async function answerPrompts(
  readerFor: (expectedTokens: number) => NextLogits,
  prompts: readonly (readonly number[])[],
  sampling: Sampling,
): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  for (const [at, prompt] of prompts.entries()) {
    const startedMs = performance.now()
    let firstMs: number | undefined
    const nextLogits = readerFor(prompt.length + sampling.maxTokens)
    const ids = await generate(nextLogits, prompt, { ...sampling, seed: sampling.seed + at }, () => {
      firstMs ??= performance.now() - startedMs
      return true
    })
    const milliseconds = performance.now() - startedMs
    answers.push({ ids, milliseconds, firstMs: firstMs ?? milliseconds })
  }
  return answers
}
