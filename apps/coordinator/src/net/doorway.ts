import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import { guestOf, isLoopback } from '../fleet/address.js'
import type { Alarms } from '../fleet/alarms.js'
import { createAllowance } from '../fleet/allowance.js'
import { createSuspicion } from '../fleet/suspicion.js'

/** What one address may do before it has proven who it is. */
export interface DoorLimits {
  readonly connections: number // open at once and not proven
  readonly perSecond: number // challenges, joins, upgrades and files of the console, each
  readonly burst: number // of them at once
}

/** For an address of another machine. A site with many agents behind one address needs `burst` of them to reconnect at once. */
export const strangers: DoorLimits = { connections: 20, perSecond: 20, burst: 200 }

/** For this machine, or a proxy on it that stands for many. */
export const neighbours: DoorLimits = { connections: 5000, perSecond: 5000, burst: 10_000 }

/** The address of a request; a proven one counts no longer. */
export interface Guest {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** Limits strangers: connections, requests and guesses of each address, before anything of them is believed. */
export interface Doorway {
  /** Lets one request in. Throws LoricaError LRC-2017 that says how long to wait. */
  enter(what: 'challenge' | 'join' | 'upgrade' | 'page', guest: Guest): void
  /** This connection has proven who it is. */
  proven(guest: Guest): void
  /** Notes a wrong secret: the address has to wait longer with each before it may join. */
  wrong(what: 'join' | 'operate', guest: Guest, code: string): void
}

/** Stands before `server`. `limits` replaces those for both kinds of addresses. */
export function openDoorway(
  server: Server,
  {
    clock,
    alarms,
    limits,
  }: { readonly clock: Clock; readonly alarms: Alarms; readonly limits?: DoorLimits | undefined },
): Doorway {
  const suspicion = createSuspicion(clock)
  const unproven = new Map<string, Set<string>>() // connections by guest
  const allowances = new Map(
    [strangers, neighbours].map((kind) => {
      const rate = limits ?? kind
      const make = () => createAllowance(rate, clock)
      return [kind, { challenge: make(), join: make(), upgrade: make(), page: make() }]
    }),
  )
  const kindOf = (address: string | undefined) => (isLoopback(address) ? neighbours : strangers)

  function forget(guest: Guest): void {
    const who = guestOf(guest.remoteAddress)
    const open = unproven.get(who)
    open?.delete(connectionOf(guest))
    if (open?.size === 0) unproven.delete(who)
  }

  server.on('connection', (socket: Socket) => {
    const { remoteAddress, remotePort } = socket // gone once it is closed
    const guest = { remoteAddress, remotePort }
    const who = guestOf(remoteAddress)
    const open = unproven.get(who) ?? new Set()
    if (open.size >= (limits ?? kindOf(remoteAddress)).connections) {
      socket.on('error', () => {})
      socket.resetAndDestroy() // an answer would cost more than it is worth
      return
    }
    unproven.set(who, open.add(connectionOf(guest)))
    socket.once('close', () => forget(guest))
  })

  return {
    enter(what, guest) {
      const who = guestOf(guest.remoteAddress)
      const waitMs = Math.max(
        what === 'join' ? suspicion.waitMs(who) : 0,
        allowances.get(kindOf(guest.remoteAddress))?.[what]?.take(who) ?? 0,
      )
      if (waitMs > 0) throw tooMany(waitMs)
    },
    proven(guest) {
      suspicion.succeeded(guestOf(guest.remoteAddress))
      forget(guest)
    },
    wrong(what, guest, code) {
      const who = guestOf(guest.remoteAddress)
      if (what === 'join') suspicion.failed(who)
      alarms.raise('secret-guessing', who, code)
    },
  }
}

function connectionOf({ remoteAddress, remotePort }: Guest): string {
  return `${remoteAddress} ${remotePort}`
}

const pauses = new WeakMap<object, number>()

function tooMany(waitMs: number): LoricaError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  const message = `too many requests from one address; try again in ${seconds} s`
  const error = new LoricaError('LRC-2017', message, {
    expected: `a pause of ${seconds} s`,
    received: 'another request',
  })
  pauses.set(error, seconds)
  return error
}

/** For the header `retry-after`: the seconds that a refusal asks to wait, or undefined when it asks for none. */
export function retryAfterOf(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null ? pauses.get(error) : undefined
}
