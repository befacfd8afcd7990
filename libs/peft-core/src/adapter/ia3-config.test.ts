import { expect, test } from 'vitest'
import { createIa3Config, type Ia3Config, isFeedforward } from './ia3-config.js'
import { formatIa3 } from './ia3-json.js'
import { parsePeftConfig } from './peft-json.js'

test('without targets they are those that PEFT takes for the family', () => {
  const config = createIa3Config({ method: 'ia3' }, { family: 'bert' })
  expect(config).toMatchObject({
    targetModules: ['key', 'value', 'output.dense'],
    feedforwardModules: ['output.dense'],
  })
  expect(isFeedforward(config, 'bert.encoder.layer.3.attention.output.dense')).toBe(true)
  expect(isFeedforward(config, 'bert.encoder.layer.3.attention.self.key')).toBe(false)
  expect(() => createIa3Config({ method: 'ia3' }, { family: 'onnx' })).toThrow(
    'of the family "onnx"; name the modules',
  )
})

test('of named targets the usual feed-forward module stays one', () => {
  const named = (targets: readonly string[]) =>
    createIa3Config({ method: 'ia3', targets }, { family: 'llama' })
  expect(named(['q_proj', 'down_proj']).feedforwardModules).toEqual(['down_proj'])
  expect(named(['q_proj', 'v_proj']).feedforwardModules).toEqual([])
})

test('a feed-forward module that is no target is refused', () => {
  const spec = { method: 'ia3', targets: ['q_proj'], feedforward: ['up_proj'] } as const
  expect(() => createIa3Config(spec, {})).toThrow('are among target_modules (q_proj), got up_proj')
})

test('what is written reads back the same, as text and as lists', () => {
  const config = {
    ...createIa3Config({ method: 'ia3' }, { family: 'gpt2', fanInFanOut: true, baseModel: 'gpt2' }),
    excludeModules: '.*\\.0\\..*',
    feedforwardModules: '.*mlp\\.c_proj',
  }
  expect(parsePeftConfig(formatIa3(config))).toEqual(config)
  expect(isFeedforward(config, 'transformer.h.1.mlp.c_proj')).toBe(true)
  expect(isFeedforward(config, 'transformer.h.1.attn.c_proj')).toBe(false)
})

test('modules that are saved whole are kept in the order of the file, one name alone as a list', () => {
  const read = (saved: unknown) =>
    parsePeftConfig(JSON.stringify({ peft_type: 'IA3', target_modules: ['key'], modules_to_save: saved }))
  expect(read(['score', 'classifier'])).toMatchObject({ modulesToSave: ['score', 'classifier'] })
  expect(read('classifier')).toMatchObject({ modulesToSave: ['classifier'] })
  expect(read([])).toMatchObject({ modulesToSave: null })
  expect(JSON.parse(formatIa3(read(['score', 'classifier']) as Ia3Config)).modules_to_save).toEqual([
    'score',
    'classifier',
  ])
})
