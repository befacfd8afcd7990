import { expect, test } from 'vitest'
import { told } from './journal-text.js'

test.each<[string, Record<string, unknown>, ReturnType<typeof told>]>([
  [
    'sum-step',
    { runId: 'r-1', round: 2, step: 'confirmation', agents: ['a', 'b', 'c'] },
    {
      text: 'Round 2 of r-1, secure sum: 3 agents confirmed who is in it.',
      tone: 'still',
      link: '#/runs/r-1/rounds/2',
    },
  ],
  [
    'agent-joined',
    { agentId: 'ab12', name: 'oslo', isApproved: false },
    { text: 'oslo joined and waits for approval.', tone: 'info', link: '#/fleet/ab12' },
  ],
  [
    'round-committed',
    { runId: 'tone-1', round: 3, record: { verdict: 'released', release: 'v7' } },
    { text: 'Round 3 of tone-1 was released as v7.', tone: 'good', link: '#/runs/tone-1/rounds/3' },
  ],
  [
    'round-committed',
    { runId: 'tone-1', round: 3, record: { verdict: 'rejected', reason: 'loss 2.1 is worse than 2.0' } },
    {
      text: 'The candidate of round 3 of tone-1 was not released: loss 2.1 is worse than 2.0.',
      tone: 'warn',
      link: '#/runs/tone-1/rounds/3',
    },
  ],
  [
    'update-refused',
    {
      runId: 'tone-1',
      round: 3,
      agentId: 'ab12',
      name: 'oslo',
      code: 'LRC-4005',
      message: 'values are not finite',
    },
    {
      text: 'The update of oslo for round 3 of tone-1 was refused: LRC-4005 values are not finite',
      tone: 'bad',
      link: '#/runs/tone-1/rounds/3',
    },
  ],
  [
    'alias-moved',
    { alias: 'champion', release: 'v7' },
    { text: 'champion is now v7.', tone: 'info', link: '#/releases/v7' },
  ],
  [
    'rollout-aborted',
    { rolloutId: 'rollout-2', by: 'analysis', reason: 'loss is worse' },
    { text: 'rollout-2 was aborted by analysis: loss is worse', tone: 'bad', link: '#/rollouts/rollout-2' },
  ],
  [
    'run-ended',
    { runId: 'tone-1', state: 'failed', reason: 'too few agents' },
    { text: 'tone-1 failed: too few agents.', tone: 'bad', link: '#/runs/tone-1' },
  ],
  [
    'agent-labelled',
    { agentId: '54a844f97431f86d', labels: { site: 'oslo', tier: null } },
    { text: '54a844f97431 was labelled site=oslo no tier.', tone: 'still', link: '#/fleet/54a844f97431f86d' },
  ],
  ['moon-landed', { where: 'sea' }, { text: 'Moon landed.', tone: 'still', link: null }],
])('%s is told in words', (type, fields, expected) => {
  expect(told({ type, fields })).toEqual(expected)
})
