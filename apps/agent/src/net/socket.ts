import { FLEET_PATH, type LoricaError, parser } from '@lorica/protocol'
import { io } from 'socket.io-client'
import { type Proof, provenSocket } from './proven-socket.js'
import { trustedAgent } from './trust.js'

/**
 * What carries the messages of a link: a connection that is opened again, with growing and jittered pauses, whenever it is
 * lost. It tells of `connect`, of `disconnect` with the reason ("io server disconnect" when the coordinator closed it, which
 * ends the attempts), and of `connect_error` when an attempt failed.
 */
export interface FleetSocket {
  readonly connected: boolean
  /** Another one for each connection. */
  readonly id?: string | undefined
  on(event: string, listener: (...args: never[]) => void): unknown
  connect(): unknown
  /** How long to wait, give or take half of it at random, before the first attempt after a loss. */
  paceTo?(ms: number): void
  disconnect(): unknown
  /** `emitWithAck` rejects when there is no answer in time, or the connection ends first. */
  timeout(ms: number): { emitWithAck(event: string, message: unknown): Promise<unknown> }
}

export interface SocketOptions {
  readonly url: string
  /** Fingerprint of the coordinator's key, which vouches for its TLS certificate. */
  readonly pin: string
  readonly proof: Proof
  /** Hears the refusal that came in place of a connection. */
  readonly onRefused: (refusal: LoricaError) => void
}

/** Makes a socket that does not connect before it is told to. */
export type OpenSocket = (options: SocketOptions) => FleetSocket

/** A socket over the network. */
export const openSocket: OpenSocket = ({ url, pin, proof, onRefused }) => {
  const { origin, pathname } = new URL(url)
  const socket = io(origin, {
    path: `${pathname === '/' ? '' : pathname}${FLEET_PATH}`,
    transports: [provenSocket({ proof, onRefused, trust: () => trustedAgent(url, pin) })],
    parser,
    addTrailingSlash: false,
    reconnectionDelay: 250,
    reconnectionDelayMax: LONGEST_PAUSE_MS,
    randomizationFactor: 0.5,
    autoConnect: false,
    forceNew: true,
  })
  return Object.assign(socket, {
    paceTo(ms: number) {
      socket.io.reconnectionDelayMax(Math.max(LONGEST_PAUSE_MS, 2 * ms))
      socket.io.reconnectionDelay(ms)
    },
  })
}

const LONGEST_PAUSE_MS = 10_000
