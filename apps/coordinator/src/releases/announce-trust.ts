import { createHash } from 'node:crypto'
import { refusalOf } from '@lorica/protocol'
import type { Roster } from '../fleet/roster.js'
import type { Ledger } from '../ledger.js'
import type { Log } from '../log.js'
import type { FleetTrust } from './trust.js'

export interface TrustParts {
  readonly trust: FleetTrust
  readonly ledger: Ledger
  readonly roster: Roster
  readonly log: Log
}

/** Writes into the journal which root is in force, and tells every connected agent that speaks of roots. */
export async function announceTrust({ trust, ledger, roster, log }: TrustParts): Promise<void> {
  const { version, expiresAt } = trust.root()
  const sha256 = createHash('sha256')
    .update(trust.roots().at(-1)?.root ?? '')
    .digest('hex')
  ledger.record({ type: 'root-published', version, sha256 })
  log('root-published', { version, expires: expiresAt })
  await ledger.flush()
  for (const presence of roster.all()) {
    const known = presence.hello.rootVersion
    for (const letter of known === undefined ? [] : trust.letters(known))
      presence.sendTrust(letter).catch((error: Error) => {
        log('root-not-taken', { agent: presence.agentId, code: refusalOf(error).code, why: error.message })
      })
  }
}
