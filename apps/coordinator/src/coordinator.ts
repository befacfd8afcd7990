import { mkdir } from 'node:fs/promises'
import { type LoricaError, pinOf, type RootPin, type SignedRoot } from '@lorica/protocol'
import type { Config } from './config.js'
import { type Host, systemHost } from './host.js'
import type { Log } from './log.js'
import { serveApi } from './net/api.js'
import { consolePage } from './net/console-page.js'
import { openDoorway } from './net/doorway.js'
import type { FleetParts } from './net/fleet-api.js'
import { countRequests, openHttp } from './net/http.js'
import { type Issued, issueLinks, openInvitation } from './net/invitations.js'
import { openLink } from './net/link.js'
import { openLive } from './net/live.js'
import { bind, openCertificate } from './net/tls.js'
import { openUpgrades } from './net/upgrade.js'
import { openService } from './service.js'
import { diskError } from './store/disk-error.js'
import { createMetrics } from './watching/metrics.js'

/** How a coordinator works. */
export type Settings = Omit<Config, 'json' | 'store' | 'storeLeaseMs' | 'uploadBudgetBytes'> &
  Partial<Pick<Config, 'store' | 'storeLeaseMs' | 'uploadBudgetBytes'>>

/** A coordinator that serves. */
export interface Coordinator {
  readonly url: string
  readonly adminToken: string
  readonly join: string // link for agents
  readonly root: RootPin // which the link names
  readonly coordinatorId: string
  readonly runsToGoOn: number // runs that its journal had not ended
  /** Resolves when it serves no longer, with the reason: another coordinator took over. */
  readonly ended: Promise<LoricaError>
  close(): Promise<void>
}

/**
 * Opens a folder, goes on where its journal ends, and serves agents and operators. Throws LoricaError LRC-5001 to
 * LRC-5009 when the folder or its store cannot be used.
 */
export async function startCoordinator(
  config: Settings,
  log: Log,
  host: Host = systemHost(),
): Promise<Coordinator> {
  const { clock, random } = host
  await mkdir(config.dir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw diskError(error, config.dir)
  })
  const service = await openService(config, log, host).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : diskError(error, config.dir)
  })
  const {
    parts,
    conductor,
    director,
    admission,
    alarms,
    connections,
    records,
    uploads,
    adminToken,
    runsToGoOn,
  } = service
  const { ledger, identity, trust } = parts
  const closing: (() => unknown)[] = [() => service.close()] // in the order of opening
  const close = async () => {
    await service.stop()
    for (const act of closing.splice(0).reverse()) await act()
  }
  try {
    const reach = { host: config.host, tls: config.tls ?? 'off', isInsecure: config.insecure ?? false }
    const certificate = await openCertificate(reach, config.dir, host)
    const app = openHttp(log, certificate)
    closing.push(() => app.close())
    const doorway = openDoorway(app.server, { clock, alarms, limits: config.door })
    const upgrades = openUpgrades(app.server)
    const link = openLink(app.server, upgrades, { log, clock, doorway, admission, connections })
    closing.push(() => link.close())
    const live = openLive(app.server, upgrades, {
      ...{ log, clock, doorway, feed: ledger.live },
      bearers: { adminToken, doorway, ledger },
    })
    closing.push(() => live.close())
    const metrics = createMetrics({ ...parts, conductor, uploads }, live.count)
    closing.push(() => metrics.close())
    countRequests(app, metrics)
    const ended = service.lost.then(async (reason) => {
      log('lead-lost', { why: reason.message })
      link.close()
      live.close()
      app.server.closeAllConnections()
      void close()
      return reason
    })
    let url = ''
    const invite: FleetParts['invite'] = (invitations, once = { random, mark: {} }) =>
      issueLinks(invitations, { ledger, identity, trust, ...once, url: config.linkUrl ?? url })
    serveApi(app, {
      ...{ ...parts, conductor, director, admission, adminToken, doorway, records, metrics, invite },
      binding: (nonce) => bind(identity, certificate, nonce),
      disconnect: connections.disconnect,
    })
    await consolePage(app, { doorway })
    url = await app.listen({ host: config.host, port: config.port })
    log('listening', { url, coordinator: identity.id })
    const [first] = (await invite([openInvitation(clock.now())])) as [Issued]
    return {
      url,
      adminToken,
      join: first.join,
      root: pinOf(trust.roots().at(-1) as SignedRoot),
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
