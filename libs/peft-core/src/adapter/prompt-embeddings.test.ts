import { expect, test } from 'vitest'
import { parsePeftConfig } from './peft-json.js'
import { createPromptConfig } from './prompt-config.js'
import { expectPrompt, PROMPT_KEY, randomPrompt, startTokens } from './prompt-embeddings.js'
import { formatPrompt } from './prompt-json.js'

const config = createPromptConfig(
  { method: 'prompt', virtualTokens: 5 },
  { tokenDim: 3, taskType: 'CAUSAL_LM' },
)

test('random embeddings have the mean and the spread of N(0, 1), and depend on the seed', () => {
  const { shape, data } = randomPrompt({ ...config, virtualTokens: 100, tokenDim: 500 }, 7)
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length
  const variance = data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length
  const beyondTwo = data.filter((x) => Math.abs(x) > 2).length / data.length
  expect(shape).toEqual([100, 500])
  expect(Math.abs(mean)).toBeLessThan(0.015)
  expect(variance).toBeCloseTo(1, 1)
  expect(beyondTwo).toBeCloseTo(0.0455, 2)
  expect(randomPrompt(config, 8)).not.toEqual(randomPrompt(config, 7))
  expect(randomPrompt(config, 7)).toEqual(randomPrompt(config, 7))
})

test('a text is repeated or cut to the length of the prompt', () => {
  const options = { vocabulary: 50, seed: 1 }
  expect(startTokens(config, [7, 9], options)).toEqual([7, 9, 7, 9, 7])
  expect(startTokens(config, [1, 2, 3, 4, 5, 6], options)).toEqual([1, 2, 3, 4, 5])
  expect(() => startTokens(config, [50], options)).toThrow('expected a number below 50, got 50')
  expect(() => startTokens(config, [], options)).toThrow('expected one token or more')
})

test('tokens drawn from the vocabulary lie in it', () => {
  const drawn = startTokens({ ...config, virtualTokens: 200 }, 'vocabulary', { vocabulary: 9, seed: 3 })
  expect(Math.max(...drawn)).toBe(8)
  expect(new Set(drawn).size).toBe(9)
})

test('what is written reads back the same', () => {
  const noted = {
    ...config,
    layers: 2,
    attentionHeads: 4,
    init: { ...config.init, text: 'say: ', tokenizer: 'gpt2' },
  }
  expect(parsePeftConfig(formatPrompt(noted))).toEqual(noted)
})

test('a prompt that does not fit is refused', () => {
  const prompt = (rows: number) =>
    new Map([[PROMPT_KEY, { shape: [rows, 3], data: new Float32Array(3 * rows) }]])
  expect(() => expectPrompt(config, prompt(5))).not.toThrow()
  expect(() => expectPrompt(config, prompt(4))).toThrow(`"${PROMPT_KEY}" (5, 3), got (4, 3)`)
  expect(() => expectPrompt(config, new Map())).toThrow('got no such tensor')
  const other = new Map([...prompt(5), ['lora_A', { shape: [1], data: new Float32Array(1) }]])
  expect(() => expectPrompt(config, other)).toThrow('"lora_A" is no part of a soft prompt')
  const fields = {
    peft_type: 'PROMPT_TUNING',
    num_virtual_tokens: 4,
    token_dim: 8,
    num_transformer_submodules: 2,
  }
  expect(() => parsePeftConfig(JSON.stringify(fields))).toThrow(
    'num_transformer_submodules expected 1, got 2',
  )
  expect(() => createPromptConfig({ method: 'prompt', virtualTokens: 0 }, { tokenDim: 3 })).toThrow(
    'num_virtual_tokens expected a whole number of 1 or more, got 0',
  )
})
