/**
 * How well a coordinator is reached: nothing is sent but requests for what everybody may have.
 * @module
 */
import { LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import { exchange } from './exchange.js'
import { trustedAgent } from './trust.js'

export interface Reach {
  /** What ends the connection: a certificate that the pinned key vouches for, or nothing. */
  readonly security: 'tls' | 'plain'
  readonly roundTripMs: number // the middle of five
  readonly aheadMs: number | null // how far this machine's clock is ahead of the coordinator's; null: it told no time
}

const TRIES = 5

/** Asks a coordinator a few times whether it is well. LRC-8002 when nothing answers, LRC-2008 or LRC-2018 when it is another. */
export async function reach(url: string, pin: string, clock: Clock): Promise<Reach> {
  const agent = await trustedAgent(url, pin)
  const tries: { readonly ms: number; readonly aheadMs: number | null }[] = []
  for (let index = 0; index < TRIES; index++) {
    const startedMs = clock.monotonicMs()
    const { status, dateMs } = await exchange(`${url}/healthz`, { method: 'GET', headers: {}, agent })
    if (status !== 200) {
      throw new LoricaError('LRC-8002', `${url} answered with HTTP status ${status}`, {
        expected: 'the address of a coordinator',
        received: `HTTP status ${status}`,
      })
    }
    const ms = clock.monotonicMs() - startedMs
    tries.push({ ms, aheadMs: dateMs === null ? null : clock.now() - ms / 2 - dateMs - 500 }) // it tells whole seconds
  }
  const [fastest] = tries.toSorted((a, b) => a.ms - b.ms)
  const middle = tries.map(({ ms }) => ms).toSorted((a, b) => a - b)[Math.floor(TRIES / 2)] ?? 0
  const security = agent === undefined ? 'plain' : 'tls'
  return { security, roundTripMs: middle, aheadMs: fastest?.aheadMs ?? null }
}
