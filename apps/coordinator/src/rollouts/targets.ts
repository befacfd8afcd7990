/**
 * Targets as they are issued, signed and renewed.
 * @module
 */
import { type Identity, type ReleaseView, signTarget, type TargetMessage } from '@lorica/protocol'
import type { IssuedTarget } from '../journal/rollout-event.js'
import type { Registry } from '../releases/registry.js'

/** How long a target is good for. An agent that is away for longer takes the next one all the same; one that is held back does not. */
const LIFE_MS = 30 * 24 * 3600 * 1000

/** The next target of a fleet. */
export function issueTarget(
  of: {
    readonly release: string
    readonly releaseId: string
    readonly previous: string | null
    readonly rollout: string | null
  },
  { serial, nowMs }: { readonly serial: number; readonly nowMs: number },
): IssuedTarget {
  const { release, releaseId, previous, rollout } = of
  return {
    ...{ serial, release, releaseId, previous, rollout },
    issuedAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + LIFE_MS).toISOString(),
  }
}

/** Whether a target is past half of its life. */
export function isOld({ issuedAt, expiresAt }: IssuedTarget, nowMs: number): boolean {
  return nowMs - Date.parse(issuedAt) >= (Date.parse(expiresAt) - Date.parse(issuedAt)) / 2
}

/** A target as it is sent, with the release that it names. */
export function signedTarget(
  identity: Identity,
  issued: IssuedTarget,
  { signed }: ReleaseView,
  prove: Registry['prove'],
): TargetMessage {
  const { serial, release, releaseId, previous, rollout, issuedAt, expiresAt } = issued
  const target = {
    ...{ schema: 1 as const, kind: 'target' as const, fleet: identity.id, serial },
    ...{ release: { name: release, id: releaseId }, previous, rollout, issuedAt, expiresAt },
  }
  return signTarget(identity, target, signed, prove)
}
