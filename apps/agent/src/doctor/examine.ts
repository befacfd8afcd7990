import { join } from 'node:path'
import { fingerprintOf, parseJoinLink } from '@lorica/protocol'
import type { Config } from '../config.js'
import type { Host } from '../host.js'
import { readUplink } from '../store/ledger.js'
import { readSettings } from '../store/settings.js'
import type { Finding } from './finding.js'
import { examineFleet } from './fleet.js'
import { examineMachine } from './machine.js'

/**
 * Looks whether a machine can work for its fleet, before it joins (with the link) or after (from its folder). What is given
 * goes before what the folder says. Throws only LRC-2001 for a link that is none and LRC-8003 for settings that cannot be read.
 */
export async function examine(config: Config, host: Host): Promise<readonly Finding[]> {
  const { folder } = config
  const { clock, disk } = host
  const settings = await readSettings(folder)
  const link = config.link === undefined ? undefined : parseJoinLink(config.link)
  const known = settings && { url: settings.url, pin: fingerprintOf(settings.coordinatorPublicKey) }
  const [downloaded] = await disk.list(join(folder, 'bases')).catch(() => [])
  const base = config.base ?? settings?.base ?? (downloaded && join(folder, 'bases', downloaded))
  const engine = config.engine ??
    settings?.engine ?? { runtime: 'ort', device: 'cpu', allowSoftwareGpu: false }
  const machine = await examineMachine({
    ...{ folder, base, engine, disk, clock },
    data: config.data.length > 0 ? config.data : (settings?.data ?? []),
  })
  const fleet = await examineFleet({
    coordinator: link === undefined ? known : { url: link.url, pin: link.fingerprint },
    isInsecure: config.insecure || settings?.insecure === true,
    uplink: await readUplink(folder).catch(() => undefined),
    ...{ environment: process.env, clock },
  })
  return [...machine, ...fleet]
}
