/**
 * The tensor of a soft prompt: one embedding a virtual token, (virtual tokens, width), under PEFT's name.
 * @module
 */
import { createRandom } from '../train/random.js'
import type { PromptConfig } from './prompt-config.js'
import { isSavedKey } from './saved-modules.js'
import type { Tensor, TensorMap } from './tensor.js'

/** The key of the prompt in adapter_model.safetensors; it has no prefix. */
export const PROMPT_KEY = 'prompt_embeddings'

/** RangeError unless the tensors are the prompt, of the configuration's size, and those of modules that are kept whole. */
export function expectPrompt(config: PromptConfig, tensors: TensorMap): void {
  const { virtualTokens, tokenDim } = config
  const other = [...tensors.keys()].find((key) => key !== PROMPT_KEY && !isSavedKey(config, key))
  if (other !== undefined)
    throw new RangeError(`tensor "${other}" is no part of a soft prompt; expected ${PROMPT_KEY}`)
  const shape = tensors.get(PROMPT_KEY)?.shape
  if (shape?.length === 2 && shape[0] === virtualTokens && shape[1] === tokenDim) return
  const got = shape === undefined ? 'no such tensor' : `(${shape.join(', ')})`
  throw new RangeError(`expected a tensor "${PROMPT_KEY}" (${virtualTokens}, ${tokenDim}), got ${got}`)
}

/** A prompt of numbers drawn from N(0, 1), as torch.nn.Embedding begins. The same seed gives the same bytes everywhere. */
export function randomPrompt({ virtualTokens, tokenDim }: PromptConfig, seed: number): Tensor {
  const random = createRandom(seed, PROMPT_KEY)
  const normal = (): number => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()))
    return radius * Math.cos(2 * Math.PI * random.uniform())
  }
  const data = Float32Array.from({ length: virtualTokens * tokenDim }, normal)
  return { shape: [virtualTokens, tokenDim], data }
}

/** The tokens whose embeddings begin a prompt: those given, repeated or cut to its length, or some of the vocabulary. */
export function startTokens(
  { virtualTokens }: PromptConfig,
  start: 'vocabulary' | readonly number[],
  { vocabulary, seed }: { readonly vocabulary: number; readonly seed: number },
): readonly number[] {
  if (start === 'vocabulary') {
    const random = createRandom(seed, PROMPT_KEY)
    return Array.from({ length: virtualTokens }, () => random.below(vocabulary))
  }
  if (start.length === 0) throw new RangeError('the text of a prompt expected one token or more, got none')
  const wrong = start.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabulary)
  if (wrong !== undefined)
    throw new RangeError(`a token of the prompt expected a number below ${vocabulary}, got ${wrong}`)
  return Array.from({ length: virtualTokens }, (_, at) => start[at % start.length] as number)
}
