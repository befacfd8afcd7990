import { EngineError } from '@lorica/peft-core'
import { expect, test } from 'vitest'
import { engineFault } from './engine-fault.js'

// Of onnxruntime 1.x, for a token that the embedding of a base has no row for.
const words =
  "Non-zero status code returned while running Gather node. Name:'embed' Status Message: indices element out of data bounds, idx=4417 must be within the inclusive range [-1024,1023]"

test('a base that fails at a token of the data is told of without the token', () => {
  const fault = engineFault(new EngineError('refused', words))
  expect(fault.code).toBe('LRC-7002')
  expect(fault.message).toBe("Non-zero status code returned while running Gather node. Name:'embed'")
  expect(fault.received).toContain('idx=4417') // for the owner of the machine
})

test('a process that fell says how, and keeps its last words to the machine', () => {
  const fault = engineFault(new EngineError('crashed', `the engine's process ended by SIGSEGV: ${words}`))
  expect([fault.code, fault.message]).toEqual(['LRC-6003', 'the training process ended by SIGSEGV'])
})
