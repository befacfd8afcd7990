import { expect, test } from 'vitest'
import { subjectOf, subjectsOf } from './news.js'

test('an event is news for the pages that it may change, and what happens all the time is none', () => {
  expect(subjectsOf('progress')).toEqual([])
  expect(subjectsOf('agent-joined')).toEqual(['agents'])
  expect(subjectsOf('agent-declined')).toEqual(['runs', 'agents'])
  expect(subjectsOf('round-committed')).toEqual(['runs', 'agents', 'releases'])
  expect(subjectsOf('alias-moved')).toEqual(['releases'])
  expect(subjectsOf('coordinator-started')).toHaveLength(5)
  expect(subjectsOf('rollout-step')).toEqual(['rollouts', 'releases'])
  expect(subjectsOf('rollout-metrics')).toEqual(['rollouts'])
  expect(subjectsOf('agent-disconnected')).toEqual(['agents', 'rollouts'])
  expect(subjectsOf('target-reported')).toEqual(['rollouts', 'agents'])
})

test('a path is told of by its subject; what no event tells of is asked for', () => {
  expect(
    [
      '/runs',
      '/runs/tone-1/rounds',
      '/rollouts/latest',
      '/agents/oslo',
      '/releases/v3',
      '/privacy?delta=1e-6',
    ].map(subjectOf),
  ).toEqual([...['runs', 'runs', 'rollouts', 'agents', 'releases', 'privacy']])
  expect(['/rolloutsx', '/journal?lines=100', '/whoami', '/runsx'].map(subjectOf)).toEqual([
    ...[undefined, undefined, undefined, undefined],
  ])
})
