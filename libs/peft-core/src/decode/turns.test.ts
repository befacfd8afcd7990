import { expect, test } from 'vitest'
import { nextMove, type TurnState } from './turns.js'

const state = (given: Partial<TurnState>): TurnState => ({
  waiting: [],
  running: [],
  hasRoom: true,
  lastBegun: undefined,
  lastStepped: undefined,
  justBegan: false,
  ...given,
})

test.each<[string, Partial<TurnState>, ReturnType<typeof nextMove>]>([
  ['nothing to do is a rest', {}, { kind: 'rest' }],
  ['a waiting text begins', { waiting: ['b'] }, { kind: 'begin', adapter: 'b' }],
  [
    'without room the texts grow',
    { waiting: ['b'], running: ['a'], hasRoom: false },
    { kind: 'step', adapter: 'a' },
  ],
  [
    'after a beginning the texts grow',
    { waiting: ['b'], running: ['a'], justBegan: true },
    { kind: 'step', adapter: 'a' },
  ],
  [
    'after a beginning that ended at once the next begins',
    { waiting: ['b'], justBegan: true },
    { kind: 'begin', adapter: 'b' },
  ],
  ['adapters begin in turn', { waiting: ['a', 'a', 'c'], lastBegun: 'a' }, { kind: 'begin', adapter: 'c' }],
  [
    'adapters grow in turn',
    { running: ['a', 'c', 'b', 'a'], lastStepped: 'a' },
    { kind: 'step', adapter: 'b' },
  ],
  ['the turn comes round', { running: ['b', 'a', 'c'], lastStepped: 'c' }, { kind: 'step', adapter: 'a' }],
])('%s', (_, given, move) => {
  expect(nextMove(state(given))).toEqual(move)
})
