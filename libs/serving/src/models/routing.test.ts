import { expect, test } from 'vitest'
import { type Routing, routed } from './routing.js'

const routing: Routing = {
  for: 'base',
  rules: [
    { header: 'x-lorica-tenant', value: 'north', model: 'north' },
    { header: 'x-lorica-task', value: 'summary', model: 'short' },
  ],
  canaries: [{ of: 'north', model: 'north-next', share: 0.25 }],
}

test.each([
  ['a request goes to the model that it names', 'other', { 'x-lorica-tenant': 'north' }, 0, 'other'],
  ['a rule sends a tenant elsewhere', 'base', { 'x-lorica-tenant': 'north' }, 0.25, 'north'],
  ['a share of them gets the canary', 'base', { 'x-lorica-tenant': 'north' }, 0.24, 'north-next'],
  [
    'the first rule that fits counts',
    'base',
    { 'x-lorica-tenant': 'south', 'x-lorica-task': 'summary' },
    0.1,
    'short',
  ],
  ['a canary is of a name, whoever asks for it', 'north', {}, 0.1, 'north-next'],
])('%s', (_, model, headers, draw, answering) => {
  expect(routed(routing, { model, headers, draw })).toBe(answering)
})
