import { expect, test } from 'vitest'
import { createLoraConfig } from './lora-config.js'
import { formatPeftConfig, parsePeftConfig } from './peft-json.js'

const config = createLoraConfig(
  { method: 'lora', rank: 6, alpha: 11, targets: ['v_proj', 'q_proj'], rslora: true },
  {
    taskType: 'CAUSAL_LM',
    baseModel: 'models/bäse 😀',
    dropout: 0.05,
    rankPattern: { q_proj: 3, k_proj: 2 },
  },
)
const minimal = (fields: object) =>
  JSON.stringify({ peft_type: 'LORA', target_modules: ['q_proj'], ...fields })

test('what is written reads back the same', () => {
  expect(parsePeftConfig(formatPeftConfig(config))).toEqual({
    ...config,
    rankPattern: { k_proj: 2, q_proj: 3 },
  })
})

test('keys are sorted, text is ASCII, and a dropout of zero is a Python float', () => {
  const json = formatPeftConfig({ ...config, dropout: 0 })
  const keys = Object.keys(JSON.parse(json))
  expect(keys).toEqual([...keys].sort())
  expect(json).toContain('"base_model_name_or_path": "models/b\\u00e4se \\ud83d\\ude00"')
  expect(json).toContain('\n  "lora_dropout": 0.0,\n')
  expect(formatPeftConfig(config)).toContain('\n  "lora_dropout": 0.05,\n')
  expect(json).toContain('\n  "rank_pattern": {\n    "k_proj": 2,\n    "q_proj": 3\n  },\n')
})

test('absent fields have the defaults of PEFT, and unknown ones are ignored', () => {
  const parsed = parsePeftConfig(minimal({ alpha: 16, from_the_future: [1] }))
  expect(parsed).toMatchObject({
    rank: 8,
    alpha: 8,
    rslora: false,
    dropout: 0,
    fanInFanOut: false,
    excludeModules: null,
  })
})

test('a method that is not known is refused by name', () => {
  expect(() => parsePeftConfig('{"peft_type":"LOHA"}')).toThrow(
    'peft_type expected "LORA", "IA3", "PROMPT_TUNING", "BOTTLENECK", got "LOHA"; other methods are not supported',
  )
  expect(() => parsePeftConfig('{"r":8}')).toThrow('got undefined')
})

test('fields that change what the factors mean are refused by name', () => {
  const refused = {
    trainable_token_indices: [3],
    layer_replication: [[0, 4]],
    use_qalora: true,
  }
  for (const [name, value] of Object.entries(refused)) {
    expect(() => parsePeftConfig(minimal({ [name]: value }))).toThrow(
      `${name} is not supported, got ${JSON.stringify(value)}`,
    )
    expect(parsePeftConfig(minimal({ [name]: null }))).toMatchObject({ rank: 8 })
  }
  expect(() => parsePeftConfig(minimal({ bias: 'all' }))).toThrow(
    'bias expected "none", got "all": biases of the base are not trained; train the adapter with bias="none"',
  )
  expect(() => parsePeftConfig(minimal({ init_lora_weights: 'corda' }))).toThrow(
    '"corda" changes the base model',
  )
  expect(() => parsePeftConfig(minimal({ init_lora_weights: 'pissa_niter_4' }))).toThrow(
    '"pissa_niter_4" changes the base model',
  )
  expect(parsePeftConfig(minimal({ init_lora_weights: 'gaussian', modules_to_save: [] }))).toMatchObject({
    rank: 8,
  })
})

test('a field of the wrong type is refused with what came', () => {
  expect(() => parsePeftConfig(minimal({ r: '8' }))).toThrow('r expected a number, got "8"')
  expect(() => parsePeftConfig(minimal({ target_modules: [3] }))).toThrow(
    'target_modules expected text or a list of texts, got [3]',
  )
  expect(() => parsePeftConfig(minimal({ rank_pattern: { a: '1' } }))).toThrow(
    'rank_pattern expected numbers by name',
  )
  expect(() => parsePeftConfig(minimal({ layers_to_transform: [1.5] }))).toThrow(
    'layers_to_transform expected layer numbers',
  )
  expect(() => parsePeftConfig(minimal({ target_modules: null }))).toThrow(
    'target_modules expected one module or more',
  )
  expect(() => parsePeftConfig('[]')).toThrow('expected a JSON object')
  expect(() => parsePeftConfig('{')).toThrow('expected JSON, got text that is none')
})
