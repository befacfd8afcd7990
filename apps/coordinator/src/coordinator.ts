import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SOFTWARE } from '@lorica/protocol'
import type { Config } from './config.js'
import { createRoster } from './fleet/roster.js'
import type { Invitation } from './fleet/tokens.js'
import { type Host, systemHost } from './host.js'
import { openJournal } from './journal.js'
import { type Ledger, openLedger } from './ledger.js'
import type { Log } from './log.js'
import { createAdmission } from './net/admission.js'
import { agentApi } from './net/agent-api.js'
import { openHttp } from './net/http.js'
import { type Issued, issueLinks, openInvitation } from './net/invitations.js'
import { openLink } from './net/link.js'
import { operatorApi } from './net/operator-api.js'
import { serveSession } from './net/session.js'
import { createTransfer } from './net/transfer.js'
import { openRegistry } from './releases/registry.js'
import { startConductor } from './rounds/conductor.js'
import type { Parts } from './rounds/parts.js'
import { openBlobs } from './store/blobs.js'
import { diskError } from './store/disk-error.js'
import { takeLock } from './store/lock.js'
import { openAdminToken, openIdentity } from './store/secret.js'
import { clearStaging } from './store/staging.js'

/** A coordinator that serves. */
export interface Coordinator {
  readonly url: string
  readonly adminToken: string
  readonly join: string // link for agents
  readonly coordinatorId: string
  readonly runsToGoOn: number // runs that its journal had not ended
  close(): Promise<void>
}

/**
 * Opens a folder, goes on where its journal ends, and serves agents and operators. Throws LoricaError LRC-5001 to LRC-5005 when
 * the folder cannot be used.
 */
export async function startCoordinator(
  config: Omit<Config, 'json'>,
  log: Log,
  host: Host = systemHost(),
): Promise<Coordinator> {
  const { clock, random, disk } = host
  const place = (name: string) => join(config.dir, name)
  await mkdir(config.dir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw diskError(error, config.dir)
  })
  const lock = await takeLock(place('lock'))
  try {
    const identity = await openIdentity(disk, place('identity.json'))
    const adminToken = await openAdminToken(disk, random, place('admin-token'))
    const { journal, entries } = openJournal(place('journal.jsonl'))
    const ledger = openLedger(journal, entries, clock)
    const registry = await openRegistry(disk, place('releases'), identity, ledger.releases())
    const blobs = openBlobs(disk, place('blobs'))
    const roster = createRoster()
    const { leaseMs } = config
    const updatesFolder = place('updates')
    const parts: Parts = {
      ledger,
      roster,
      blobs,
      registry,
      identity,
      log,
      ...host,
      leaseMs,
      updatesFolder,
    }
    await clearStaging(disk, place('staging'), (uploadId) => isNeeded(ledger, uploadId))
    ledger.record({ type: 'coordinator-started', coordinatorId: identity.id, software: SOFTWARE })

    const runsToGoOn = ledger.runs().filter(({ ended }) => ended === null).length
    const conductor = startConductor(parts)
    const transfer = createTransfer(parts, conductor, place('staging'))
    const admission = createAdmission({ ledger, identity, clock, random })
    const app = openHttp(log)
    const session = { ledger, roster, conductor, transfer, log, clock, coordinatorId: identity.id }
    const link = openLink(app.server, admission, {
      log,
      serve: (socket, member) => serveSession(session, socket, member),
    })
    let url = ''
    const invite = (invitations: readonly Invitation[]) =>
      issueLinks(invitations, { ledger, identity, random, url })
    agentApi(app, { admission, log })
    operatorApi(app, {
      ...parts,
      conductor,
      adminToken,
      invite,
      disconnect: (agentId) => link.disconnect(agentId),
    })
    url = await app.listen({ host: config.host, port: config.port })
    log('listening', { url, coordinator: identity.id })
    const [open] = (await invite([openInvitation(clock.now())])) as [Issued]
    return {
      url,
      adminToken,
      join: open.join,
      coordinatorId: identity.id,
      runsToGoOn,
      async close() {
        await conductor.stop()
        link.close()
        await app.close()
        await journal.close()
        await lock.release()
      },
    }
  } catch (error) {
    await lock.release()
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : diskError(error, config.dir)
  }
}

/** Whether a staged upload belongs to a seat that still trains. */
function isNeeded(ledger: Ledger, uploadId: string): boolean {
  const seats = ledger.runs().flatMap(({ current }) => [...(current?.seats.values() ?? [])])
  return seats.some(
    ({ assignmentId, status }) => status === 'training' && uploadId.startsWith(`${assignmentId}-`),
  )
}
