/**
 * A coordinator without its doors: what it keeps, the runs that it works on, and the sessions of agents.
 * @module
 */
import { join } from 'node:path'
import { LoricaError, SOFTWARE } from '@lorica/protocol'
import { type Config, defaults } from './config.js'
import { type Alarms, createAlarms } from './fleet/alarms.js'
import { createRoster } from './fleet/roster.js'
import type { Host } from './host.js'
import { openJournal } from './journal/journal.js'
import { type Ledger, openLedger } from './ledger.js'
import type { Log } from './log.js'
import { type Admission, createAdmission } from './net/admission.js'
import { createBackpressure } from './net/backpressure.js'
import { type Connections, createConnections } from './net/connections.js'
import type { JournalRecords } from './net/journal-api.js'
import { serveSession } from './net/session.js'
import { createTransfer } from './net/transfer.js'
import { createWebhooks, readWebhooks } from './net/webhooks.js'
import { announceTrust } from './releases/announce-trust.js'
import { readGivenRoot } from './releases/first-root.js'
import { openRegistry } from './releases/registry.js'
import { openTrust } from './releases/trust.js'
import { type Director, startDirector } from './rollouts/director.js'
import { type Conductor, startConductor } from './rounds/conductor.js'
import type { Parts } from './rounds/parts.js'
import { bindFolder, expectOwner } from './store/binding.js'
import { openBlobs } from './store/blobs.js'
import { probeDisk } from './store/durable.js'
import { takeLead } from './store/lead.js'
import { BINDING_FILE, JOURNAL_FILE } from './store/open.js'
import { openAdminToken, openIdentity } from './store/secret.js'
import { adoptStaging } from './store/staging.js'
import type { Store } from './store/store.js'
import { takeOverJournal } from './store/takeover.js'
import type { Measured } from './watching/metrics.js'
import { createReadiness } from './watching/readiness.js'
import { traced } from './watching/tracer.js'

/** Where a service works, and how. */
export type ServiceSettings = Pick<Config, 'dir' | 'leaseMs'> &
  Partial<Pick<Config, 'store' | 'storeLeaseMs' | 'uploadBudgetBytes' | 'prices' | 'webhooks' | 'root'>>

/** What the doors of a coordinator lead to. */
export interface Service {
  readonly parts: Parts
  readonly conductor: Conductor
  readonly director: Director
  readonly admission: Admission
  readonly alarms: Alarms
  readonly connections: Connections
  readonly adminToken: string
  readonly records: JournalRecords
  readonly uploads: Measured['uploads']
  readonly runsToGoOn: number // runs that its journal had not ended
  /** Resolves when another coordinator has taken the lead: nothing more may be promised. */
  readonly lost: Promise<LoricaError>
  /** Opens no round and stops working on runs where they are; the journal knows where to go on. Updates that are all here are answered. */
  stop(): Promise<void>
  /** Gives the store up. Stop first. */
  close(): Promise<void>
}

/**
 * Opens the folder `dir`, which is there, and goes on where its journal ends. Throws LoricaError LRC-5001 to LRC-5009 when the
 * folder or its store cannot be used.
 */
export async function openService(
  { dir, leaseMs, ...settings }: ServiceSettings,
  log: Log,
  host: Host,
): Promise<Service> {
  const { store: url = null, storeLeaseMs = defaults.storeLeaseMs } = settings
  const { clock, random, disk } = host
  const hooks =
    settings.webhooks === undefined ? undefined : await readWebhooks(settings.webhooks, process.env)
  const place = (name: string) => join(dir, name)
  const store = await host.openStore(dir, url)
  const closing: (() => unknown)[] = [() => store.close(), () => host.aggregator?.close()] // in the order of opening
  const close = async () => {
    for (const act of closing.splice(0).reverse()) await act()
  }
  try {
    const faults = await store.verify()
    if (faults.length > 0) throw damagedStore(store, faults)
    const lead = await takeLead(store, host.claim(storeLeaseMs), clock)
    closing.push(() => lead.release())
    await bindFolder(disk, place(BINDING_FILE), store)
    const identity = await openIdentity(disk, place('identity.json'))
    const adminToken = await openAdminToken(disk, random, place('admin-token'))
    const taken = await takeOverJournal(disk, place(JOURNAL_FILE), store, lead.epoch)
    if (taken > 0) log('journal-taken-over', { lines: taken })
    const { journal, entries } = await openJournal(store, lead.epoch, clock)
    closing.push(() => journal.close())
    expectOwner(store, entries, identity.id)
    const probePath = place('probe.tmp')
    const readiness = createReadiness(journal, { clock, log, probe: () => probeDisk(disk, probePath) })
    closing.push(() => readiness.close())
    const tracer = host.trace?.(identity.id)
    if (tracer !== undefined) closing.push(() => tracer.close())
    const ledger = traced(openLedger(journal, entries, clock), tracer)
    const given = settings.root === undefined ? undefined : await readGivenRoot(disk, settings.root)
    const trust = await openTrust(disk, place('trust'), { identity, nowMs: () => clock.now(), given })
    const registry = await openRegistry(disk, place('releases'), identity, ledger.releases, trust.prove)
    const blobs = openBlobs(disk, place('blobs'))
    const roster = createRoster(({ agentId, name }, isHere) => {
      const stamp = { seq: ledger.live.lastSeq(), at: new Date(clock.now()).toISOString() }
      const type = isHere ? 'agent-connected' : 'agent-disconnected'
      ledger.live.show({ ...stamp, type, agentId, name }, false)
    })
    const updatesFolder = place('updates')
    const parts: Parts = {
      ledger,
      roster,
      blobs,
      registry,
      trust,
      readiness,
      identity,
      log,
      ...host,
      leaseMs,
      ...(hooks === undefined ? {} : { webhooks: createWebhooks(hooks, clock) }),
      ...(settings.prices === undefined ? {} : { prices: settings.prices }),
      updatesFolder,
    }
    const staging = await adoptStaging(disk, place('staging'), lead.epoch, (uploadId) =>
      isNeeded(ledger, uploadId),
    )
    ledger.record({
      type: 'coordinator-started',
      coordinatorId: identity.id,
      software: SOFTWARE,
      epoch: lead.epoch,
    })
    if (trust.isNew || (await trust.renew())) await announceTrust(parts)

    const runsToGoOn = ledger.runs().filter(({ ended }) => ended === null).length
    const conductor = startConductor(parts)
    const director = startDirector(parts)
    closing.push(() => director.stop())
    const admission = createAdmission({ ledger, identity, clock, random })
    const alarms = createAlarms((alarm) => {
      log('alarm', { ...alarm })
      ledger.record({ type: 'alarm', ...alarm })
    }, clock)
    const transfer = createTransfer(parts, conductor, staging, alarms)
    const backpressure = createBackpressure(
      settings.uploadBudgetBytes ?? defaults.uploadBudgetBytes,
      clock,
      log,
    )
    const session = {
      ledger,
      roster,
      conductor,
      director,
      transfer,
      trust,
      backpressure,
      log,
      clock,
      coordinatorId: identity.id,
      tracer,
    }
    const connections = createConnections({
      ...{ log, clock, alarms },
      serve: (socket, member) => serveSession(session, socket, member),
    })
    const uploads = { ...backpressure, budgetBytes: settings.uploadBudgetBytes ?? defaults.uploadBudgetBytes }
    return {
      uploads,
      ...{ parts, conductor, director, admission, alarms, connections, adminToken, runsToGoOn },
      records: { store, safeSeq: () => journal.safeSeq() },
      lost: lead.lost,
      async stop() {
        director.stop()
        await conductor.stop()
        await transfer.settled()
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
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
  const seats = ledger
    .runs()
    .flatMap(({ current, carried }) => [...(current?.seats.values() ?? []), ...carried.values()])
  return seats.some(
    ({ assignmentId, status }) => status === 'training' && uploadId.startsWith(`${assignmentId}-`),
  )
}
