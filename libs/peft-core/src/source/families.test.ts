import { expect, test } from 'vitest'
import { parseArchitecture } from './families.js'

test('a family that is not built is refused with those that are', () => {
  expect(() => parseArchitecture({ model_type: 't5' })).toThrow('model_type "t5" is not supported; expected')
  expect(() => parseArchitecture({ model_type: 't5' })).toThrow(/ gpt2, .*mistral/)
  expect(() => parseArchitecture({ model_type: 'constructor' })).toThrow('model_type "constructor"')
  expect(() => parseArchitecture({})).toThrow('model_type undefined')
  expect(() => parseArchitecture([])).toThrow('config.json expected an object')
})
