import type { Clock } from '../clock.js'

/** Who has been away for longer than a lease. An agent that is connected is never away; one that comes back is at once present. */
export interface Leases {
  readonly away: ReadonlySet<string>
  /** The connection of an agent was lost, or it was asked while it was not connected. */
  lost(agentId: string): void
  present(agentId: string): void
  close(): void
}

/** Starts with nobody away. `lapsed` is called when the lease of an agent runs out. */
export function createLeases(clock: Clock, leaseMs: number, lapsed: (agentId: string) => void): Leases {
  const away = new Set<string>()
  const timers = new Map<string, () => void>() // each stops its timer
  const stop = (agentId: string) => {
    timers.get(agentId)?.()
    timers.delete(agentId)
  }
  return {
    away,
    lost(agentId) {
      if (timers.has(agentId) || away.has(agentId)) return
      const expire = () => {
        timers.delete(agentId)
        away.add(agentId)
        lapsed(agentId)
      }
      timers.set(agentId, clock.after(leaseMs, expire))
    },
    present(agentId) {
      stop(agentId)
      away.delete(agentId)
    },
    close() {
      for (const agentId of [...timers.keys()]) stop(agentId)
    },
  }
}
