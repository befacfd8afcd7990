import type { SumKeys } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { keysIn } from './sum-hearing.js'

test('keys are the same keys, whatever they belong to for those who look on', () => {
  const keys = { channelKey: 'c', maskKey: 'm', seedCommitment: 's', signature: 'g' }
  const traceparent = `00-${'4c'.repeat(16)}-${'b9'.repeat(8)}-01`
  const message = { assignmentId: 'a7', ...keys } as unknown as SumKeys
  expect(keysIn('oslo', { ...message, traceparent })).toEqual(keysIn('oslo', message))
  expect(keysIn('oslo', message).answer).toEqual({ step: 'keys', keys: { agent: 'oslo', ...keys } })
})
