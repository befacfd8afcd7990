import type { Parts } from '../rounds/parts.js'

const LEAST_MS = 1000 // between two tellings about one rollout: thousands of agents tell how requests go every second

/** Tells those who look on that the metrics of a rollout may be different: at once, and then at most every second. */
export function metricsTold({ ledger, clock }: Pick<Parts, 'ledger' | 'clock'>): (rollout: string) => void {
  const waiting = new Set<string>()
  const dirty = new Set<string>()
  return function tell(rollout) {
    if (waiting.has(rollout)) {
      dirty.add(rollout)
      return
    }
    const stamp = { seq: ledger.live.lastSeq(), at: new Date(clock.now()).toISOString() }
    ledger.live.show({ ...stamp, type: 'rollout-metrics', rollout }, false)
    waiting.add(rollout)
    clock.after(LEAST_MS, () => {
      waiting.delete(rollout)
      if (dirty.delete(rollout)) tell(rollout)
    })
  }
}
