import { fleetLiveEventSchema } from '@lorica/protocol'
import { expect, test } from 'vitest'
import type { JournalEvent } from '../journal/event.js'
import { fleetEventOf } from './fleet-event.js'

const told = (event: JournalEvent) => fleetEventOf({ seq: 7, at: '2026-11-28T10:00:00.000Z', event })

const target = {
  ...{ serial: 4, release: 'v3', releaseId: 'ab'.repeat(32), previous: 'v2', rollout: 'r1' },
  ...{ issuedAt: '2026-11-28T10:00:00.000Z', expiresAt: '2026-12-05T10:00:00.000Z' },
}

test.each<[JournalEvent, object]>([
  [
    { type: 'rollout-group-opened', rolloutId: 'r1', group: 2, target },
    { type: 'rollout-step', rollout: 'r1', step: 'group-opened', group: 2, reason: null },
  ],
  [
    {
      type: 'rollout-undone',
      rolloutId: 'r1',
      by: 'analysis',
      reason: 'loss is worse',
      evidence: null,
      target,
    },
    { type: 'rollout-step', rollout: 'r1', step: 'undone', group: null, reason: 'loss is worse' },
  ],
  [
    { type: 'champion-targeted', target },
    { type: 'champion-targeted', serial: 4, release: 'v3' },
  ],
  [
    { type: 'agent-left', agentId: 'a1', how: 'revoked' },
    { type: 'agent-left', agentId: 'a1', how: 'revoked' },
  ],
])('%j is told', (event, expected) => {
  const shown = told(event)
  expect(shown).toEqual({ seq: 7, at: '2026-11-28T10:00:00.000Z', ...expected })
  expect(fleetLiveEventSchema.parse(shown)).toEqual(shown)
})

test.each<JournalEvent>([
  { type: 'operator-added', name: 'ada', role: 'viewer', tokenSha256: 'ab'.repeat(32) },
  {
    type: 'token-issued',
    secretSha256: 'ab'.repeat(32),
    expiresAtMs: 3,
    uses: 2,
    name: null,
    needsApproval: false,
  },
  { type: 'rollout-measured', rolloutId: 'r1', agentId: 'a1', pairs: null },
])('%j is not', (event) => {
  expect(told(event)).toBeUndefined()
})
