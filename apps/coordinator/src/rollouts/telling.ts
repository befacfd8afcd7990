import { refusalOf } from '@lorica/protocol'
/**
 * Tells agents which release they are to have.
 * @module
 */
import type { Presence } from '../fleet/roster.js'
import type { IssuedTarget } from '../journal/rollout-event.js'
import type { Parts } from '../rounds/parts.js'
import { targetFor } from './rollouts.js'
import { isOld, signedTarget } from './targets.js'

export interface Telling {
  /** Tells an agent what it is to have, unless it was told since it connected. */
  tell(presence: Presence): void
  /** The same for every connected agent, once the journal has what was recorded so far. */
  tellAll(): void
  /** Once a minute: agents that are to have the champion and do not, as after a fault of their disk, are told again. */
  retell(): void
  forget(agentId: string): void
  forgetAll(): void
}

const RETELL_MS = 60_000

export function createTelling({
  ledger,
  roster,
  registry,
  identity,
  clock,
  log,
}: Pick<Parts, 'ledger' | 'roster' | 'registry' | 'identity' | 'clock' | 'log'>): Telling {
  const told = new Map<string, IssuedTarget>() // to agents that are connected
  let retoldMs = clock.monotonicMs()

  function tell(presence: Presence): void {
    if (presence.hello.protocol < 2) return
    const { agentId } = presence
    const due = targetFor(ledger.rollouts(), agentId)
    if (due === null) return
    const last = told.get(agentId)
    if (last?.releaseId === due.releaseId && !isOld(last, clock.now())) return
    const release = registry.find(due.release)
    if (release === undefined || release.id !== due.releaseId) return
    told.set(agentId, due)
    presence.sendTarget(signedTarget(identity, due, release, registry.prove)).catch((error: Error) => {
      if (told.get(agentId) === due) told.delete(agentId)
      log('target-not-heard', {
        agent: agentId,
        serial: due.serial,
        code: refusalOf(error).code,
        why: error.message,
      })
    })
  }

  return {
    tell,
    tellAll() {
      ledger.safe().then(
        () => {
          for (const presence of roster.all()) tell(presence)
        },
        () => undefined, // another coordinator leads
      )
    },
    retell() {
      if (clock.monotonicMs() - retoldMs < RETELL_MS) return
      retoldMs = clock.monotonicMs()
      const { champion, standing } = ledger.rollouts()
      for (const presence of roster.all()) {
        const due = targetFor(ledger.rollouts(), presence.agentId)
        const last = standing.get(presence.agentId)
        if (due === null || due !== champion) continue
        if (last?.releaseId === due.releaseId && last.outcome === 'applied') continue
        told.delete(presence.agentId)
        tell(presence)
      }
    },
    forget: (agentId) => void told.delete(agentId),
    forgetAll: () => told.clear(),
  }
}
