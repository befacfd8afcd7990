import { FLEET_PATH, type LoricaError, parser } from '@lorica/protocol'
import { io } from 'socket.io-client'
import { type Proof, provenSocket } from './proven-socket.js'
import { trustedAgent } from './trust.js'

/**
 * What carries the messages of a link: one connection at a time, opened when it is told to. It tells of `connect`, of `disconnect`
 * with the reason ("io server disconnect" when the coordinator closed it), and of `connect_error` when an attempt failed.
 */
export interface FleetSocket {
  readonly connected: boolean
  /** Another one for each connection. */
  readonly id?: string | undefined
  on(event: string, listener: (...args: never[]) => void): unknown
  connect(): unknown
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
  return io(origin, {
    path: `${pathname === '/' ? '' : pathname}${FLEET_PATH}`,
    transports: [provenSocket({ proof, onRefused, trust: () => trustedAgent(url, pin) })],
    parser,
    addTrailingSlash: false,
    reconnection: false,
    autoConnect: false,
    forceNew: true,
  })
}
