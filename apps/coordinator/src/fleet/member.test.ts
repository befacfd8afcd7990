import { expect, test } from 'vitest'
import type { FleetEvent } from '../journal/event.js'
import { memberAfter } from './member.js'
import type { Member } from './roster.js'

const agentId = 'ab'.repeat(16)
const joined: FleetEvent = {
  ...{ type: 'agent-joined', agentId, name: 'oslo', publicKey: 'key', secretSha256: 'cd', isApproved: true },
  labels: { site: 'oslo', gpu: 'a10' },
}
const labelled = (labels: Readonly<Record<string, string | null>>): FleetEvent => ({
  ...{ type: 'agent-labelled', agentId, labels },
})
const after = (...events: readonly FleetEvent[]) =>
  events.reduce<Member | undefined>((member, event, at) => memberAfter(member, event, `t${at}`), undefined)

test('labels of operators take the place of those of the join, and outlive another join', () => {
  expect(after(joined)?.labels).toEqual({ site: 'oslo', gpu: 'a10' })
  const changed = [joined, labelled({ site: 'turin', tier: 'night' }), labelled({ gpu: null, tier: 'day' })]
  expect(after(...changed)?.labels).toEqual({ site: 'turin', tier: 'day' })
  const again: FleetEvent = { ...joined, labels: { site: 'bern', gpu: 'h100', rack: '7' } }
  expect(after(...changed, again)?.labels).toEqual({ site: 'turin', tier: 'day', rack: '7' })
})

test('a cordoned agent stays cordoned until an operator takes it back, whatever happens to it', () => {
  const cordoned: FleetEvent = { type: 'agent-cordoned', agentId, isCordoned: true }
  expect(after(joined, cordoned, { type: 'agent-left', agentId, how: 'left' }, joined)).toMatchObject({
    ...{ isCordoned: true, left: null, joinedAt: 't3' },
  })
  expect(after(joined, cordoned, { ...cordoned, isCordoned: false })?.isCordoned).toBe(false)
})

test('an event about somebody who never joined makes no member', () => {
  expect(after(labelled({ site: 'oslo' }))).toBeUndefined()
})

test('the proofs of rotated keys are kept in their order, also when the agent joins again with the key that it has', () => {
  const offered = (publicKey: string, nonce: string): FleetEvent => ({
    ...{ type: 'agent-key-offered', agentId, publicKey, isApproved: true },
    proof: { nonce, signature: `${nonce} signed` },
  })
  const changed = (publicKey: string): FleetEvent => ({ type: 'agent-key-changed', agentId, publicKey })
  const rotated = [joined, offered('key-2', 'a'), offered('key-2', 'b'), changed('key-2')]
  const first = { publicKey: 'key', nonce: 'b', signature: 'b signed' }
  expect(after(...rotated)?.rotations).toEqual([first])
  const again = [...rotated, offered('key-3', 'c'), changed('key-3')]
  const second = { publicKey: 'key-2', nonce: 'c', signature: 'c signed' }
  expect(after(...again)?.rotations).toEqual([first, second])
  expect(after(...again, { ...joined, publicKey: 'key-3' })?.rotations).toEqual([first, second])
  expect(after(...again, joined)?.rotations).toEqual([])
})
