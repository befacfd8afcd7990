import { join } from 'node:path'
import type { Identity } from '@lorica/protocol'
import type { Roster } from '../fleet/roster.js'
import type { Host } from '../host.js'
import type { Contribution } from '../journal-event.js'
import type { Ledger } from '../ledger.js'
import type { Log } from '../log.js'
import type { Readiness } from '../readiness.js'
import type { Registry } from '../releases/registry.js'
import type { Blobs } from '../store/blobs.js'

/** What a run needs from the rest of the coordinator. */
export interface Parts extends Host {
  readonly ledger: Ledger
  readonly roster: Roster
  readonly blobs: Blobs
  readonly registry: Registry
  readonly readiness: Readiness
  readonly identity: Identity
  readonly log: Log
  readonly leaseMs: number
  readonly updatesFolder: string // accepted updates; agents never read them
}

/** Where an accepted update lies. */
export function updatePath(folder: string, runId: string, round: number, sha256: string): string {
  return join(folder, runId, String(round), `${sha256}.safetensors`)
}

/** Where the update of a contribution to a round lies: with those of the round in which it was asked for. */
export function contributionPath(
  folder: string,
  runId: string,
  round: number,
  { updateSha256, late }: Pick<Contribution, 'updateSha256' | 'late'>,
): string {
  return updatePath(folder, runId, late?.round ?? round, updateSha256)
}
