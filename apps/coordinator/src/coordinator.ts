import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LoricaError, SOFTWARE } from '@lorica/protocol'
import type { Config } from './config.js'
import { createAlarms } from './fleet/alarms.js'
import { createRoster } from './fleet/roster.js'
import type { Invitation } from './fleet/tokens.js'
import { type Host, systemHost } from './host.js'
import { openJournal } from './journal.js'
import { type Ledger, openLedger } from './ledger.js'
import type { Log } from './log.js'
import { createAdmission } from './net/admission.js'
import { agentApi } from './net/agent-api.js'
import { openDoorway } from './net/doorway.js'
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
import { takeLead } from './store/lead.js'
import { JOURNAL_FILE } from './store/open.js'
import { openAdminToken, openIdentity } from './store/secret.js'
import { clearStaging } from './store/staging.js'
import type { Store } from './store/store.js'
import { takeOverJournal } from './store/takeover.js'

const STORE_LEASE_MS = 20_000

/** A coordinator that serves. */
export interface Coordinator {
  readonly url: string
  readonly adminToken: string
  readonly join: string // link for agents
  readonly coordinatorId: string
  readonly runsToGoOn: number // runs that its journal had not ended
  /** Resolves when it can serve no longer, with the reason: another coordinator took over. It has stopped by then. */
  readonly ended: Promise<LoricaError>
  close(): Promise<void>
}

/**
 * Opens a folder, goes on where its journal ends, and serves agents and operators. Throws LoricaError LRC-5001 to
 * LRC-5009 when the folder or its store cannot be used.
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
  const store = await host.openStore(config.dir)
  const closing: (() => unknown)[] = [() => store.close()] // in the order of opening
  const close = async () => {
    for (const act of closing.splice(0).reverse()) await act()
  }
  try {
    const faults = await store.verify()
    if (faults.length > 0) throw damagedStore(store, faults)
    const lead = await takeLead(store, host.claim(STORE_LEASE_MS), clock)
    closing.push(() => lead.release())
    const identity = await openIdentity(disk, place('identity.json'))
    const adminToken = await openAdminToken(disk, random, place('admin-token'))
    const taken = await takeOverJournal(place(JOURNAL_FILE), store, lead.epoch)
    if (taken > 0) log('journal-taken-over', { lines: taken })
    const { journal, entries } = await openJournal(store, lead.epoch, clock)
    closing.push(() => journal.close())
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
    ledger.record({
      type: 'coordinator-started',
      coordinatorId: identity.id,
      software: SOFTWARE,
      epoch: lead.epoch,
    })

    const runsToGoOn = ledger.runs().filter(({ ended }) => ended === null).length
    const conductor = startConductor(parts)
    closing.push(() => conductor.stop())
    const transfer = createTransfer(parts, conductor, place('staging'))
    const admission = createAdmission({ ledger, identity, clock, random })
    const app = openHttp(log)
    const alarms = createAlarms((alarm) => {
      log('alarm', { ...alarm })
      ledger.record({ type: 'alarm', ...alarm })
    }, clock)
    const limits = config.door
    const doorway = openDoorway(app.server, { clock, alarms, limits })
    const session = { ledger, roster, conductor, transfer, log, clock, coordinatorId: identity.id }
    const link = openLink(app.server, {
      ...{ log, clock, alarms, doorway, admission },
      serve: (socket, member) => serveSession(session, socket, member),
    })
    closing.splice(
      -1,
      0,
      () => app.close(),
      () => link.close(),
    ) // after the conductor
    const ended = lead.lost.then(async (reason) => {
      log('lead-lost', { why: reason.message })
      await close()
      return reason
    })
    let url = ''
    const invite = (invitations: readonly Invitation[]) =>
      issueLinks(invitations, { ledger, identity, random, url })
    agentApi(app, { admission, doorway, log })
    operatorApi(app, {
      ...parts,
      conductor,
      adminToken,
      doorway,
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
      ended,
      close,
    }
  } catch (error) {
    await close()
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : diskError(error, config.dir)
  }
}

function damagedStore(store: Store, faults: readonly string[]): LoricaError {
  return new LoricaError('LRC-5006', `${store.name}: ${faults.slice(0, 3).join('; ')}`, {
    expected: 'a store as it was written',
    received: `${faults.length} faults`,
  })
}

/** Whether a staged upload belongs to a seat that still trains. */
function isNeeded(ledger: Ledger, uploadId: string): boolean {
  const seats = ledger.runs().flatMap(({ current }) => [...(current?.seats.values() ?? [])])
  return seats.some(
    ({ assignmentId, status }) => status === 'training' && uploadId.startsWith(`${assignmentId}-`),
  )
}
