import type { Identity } from '@lorica/protocol'
import type { Roster } from '../fleet/roster.js'
import type { Host } from '../host.js'
import type { Ledger } from '../ledger.js'
import type { Log } from '../log.js'
import type { Registry } from '../releases/registry.js'
import type { FleetTrust } from '../releases/trust.js'
import type { Webhooks } from '../rollouts/calling.js'
import type { Blobs } from '../store/blobs.js'
import type { Readiness } from '../watching/readiness.js'
import type { Prices } from './expense.js'

/** What a run needs from the rest of the coordinator. */
export interface Parts extends Host {
  readonly ledger: Ledger
  readonly roster: Roster
  readonly blobs: Blobs
  readonly registry: Registry
  readonly trust: FleetTrust
  readonly readiness: Readiness
  readonly identity: Identity
  readonly log: Log
  readonly leaseMs: number
  readonly webhooks?: Webhooks // that plans of rollouts may name; absent: none
  readonly prices?: Prices // of what rounds take; absent: nothing is said of costs
  readonly updatesFolder: string // accepted updates; agents never read them
}
