/**
 * How an agent reaches its coordinator.
 * @module
 */
import type { Clock } from '../clock.js'
import { expectPrivate, isThisMachine } from '../net/post.js'
import { type Reach, reach } from '../net/reach.js'
import type { Uplink } from '../store/ledger.js'
import { examined, type Finding, ok, skipped, warning } from './finding.js'

export interface FleetParts {
  readonly coordinator: { readonly url: string; readonly pin: string } | undefined
  readonly isInsecure: boolean
  readonly uplink: Uplink | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
}

const SKEW_MS = 60_000
const SLOW_MS = 1000

/** Looks at the way to the coordinator, one check after the other. */
export async function examineFleet(parts: FleetParts): Promise<readonly Finding[]> {
  const { coordinator, clock } = parts
  if (coordinator === undefined)
    return [
      proxyFinding(parts.environment),
      skipped('coordinator', 'no agent joined from here and no link was given'),
    ]
  let reached: Reach | undefined
  const coordinatorFinding = await examined('coordinator', async () => {
    reached = await reach(coordinator.url, coordinator.pin, clock)
    return ok('coordinator', `${coordinator.url} answers`)
  })
  const security = await examined('tls', async () => {
    expectPrivate(coordinator.url, parts.isInsecure)
    const { protocol, hostname } = new URL(coordinator.url)
    if (protocol === 'http:' && isThisMachine(hostname))
      return ok('tls', 'plain HTTP, which does not leave this machine')
    if (protocol === 'http:') {
      const risk =
        'plain HTTP, as its owner allows it: whoever is on the way can read and change what is sent'
      return warning(
        'tls',
        risk,
        'Start the coordinator with --tls self, and join with the https link that it prints.',
      )
    }
    if (reached === undefined) return skipped('tls', 'the coordinator was not reached')
    return ok('tls', 'the key that the join link pins vouches for the certificate')
  })
  return [
    proxyFinding(parts.environment),
    coordinatorFinding,
    security,
    ...(reached === undefined ? [] : quality(reached)),
    uplinkFinding(parts.uplink),
  ]
}

function quality({ roundTripMs, aheadMs }: Reach): readonly Finding[] {
  const roundTrip = `${roundTripMs.toFixed(1)} ms there and back`
  const latency =
    roundTripMs < SLOW_MS
      ? ok('latency', roundTrip)
      : warning('latency', roundTrip, 'Uploads will be slow; look at the network between the two.')
  if (aheadMs === null) return [skipped('clock', 'the coordinator told no time'), latency]
  const seconds = `${Math.abs(aheadMs / 1000).toFixed(0)} s ${aheadMs < 0 ? 'behind' : 'ahead of'} the coordinator`
  if (Math.abs(aheadMs) < SKEW_MS)
    return [ok('clock', `within ${SKEW_MS / 1000} s of the coordinator`), latency]
  return [
    warning(
      'clock',
      seconds,
      'Set the clock, for example by NTP: the hours of policy.yaml and TLS follow it.',
    ),
    latency,
  ]
}

function uplinkFinding(uplink: Uplink | undefined): Finding {
  if (uplink === undefined) return skipped('uplink', 'measured with the first update that is sent')
  const { sizeBytes, ms, at } = uplink
  return ok(
    'uplink',
    `${(sizeBytes / 1000 / Math.max(1, ms)).toFixed(2)} MB/s: ${sizeBytes} bytes in ${Math.round(ms)} ms, ${at}`,
  )
}

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']

function proxyFinding(environment: FleetParts['environment']): Finding {
  const set = PROXIES.filter((name) => (environment[name] ?? '') !== '')
  if (set.length === 0) return ok('proxy', 'no proxy is set')
  return warning(
    'proxy',
    `${set.join(', ')} is set, and the agent connects without it`,
    'If only the proxy reaches the coordinator, ask for a direct way to it, or tunnel to it.',
  )
}
