/**
 * The address of the coordinator: what agents reach there over HTTP, and the connections that they open.
 * @module
 */
import { type Host as AgentHost, type FleetSocket, REFUSED, type SocketOptions } from '@lorica/agent/embed'
import type { Service } from '@lorica/coordinator/embed'
import {
  errorOf,
  errorOfProblem,
  LoricaError,
  parseChallengeRequest,
  parseJoinRequest,
  problemOf,
  type Refusal,
  refusalOf,
} from '@lorica/protocol'
import { type Connection, connect } from './connection.js'
import type { Dice } from './dice.js'
import type { History } from './history.js'
import type { Incarnation } from './incarnation.js'
import type { Network } from './network.js'

/** Who answers at the address now. */
export interface Answering {
  readonly process: Incarnation
  readonly service: Service
}

export interface AddressParts {
  readonly network: Network
  readonly dice: Dice
  readonly history: History
  readonly answering: () => Answering | undefined
  /** Hears of each message of an agent, and how many bytes were on their way then. */
  readonly sent: (name: string, event: string, inFlightBytes: number) => void
  /** Hears of what the coordinator sends to an agent. */
  readonly promised: (name: string, carried: unknown) => void
  readonly transfer: { readonly chunkBytes: number; readonly windowChunks: number }
}

/** How an agent reaches the address. */
export type Reach = Pick<AgentHost, 'openSocket' | 'post'>

const HTTP_TIMEOUT_MS = 15_000
const CONNECT_TIMEOUT_MS = 20_000
const HEADER_BYTES = 400

/** The way of one process of an agent to the address. */
export function reachFrom(name: string, agent: Incarnation, parts: AddressParts): Reach {
  const { network, answering } = parts

  /** One question and its answer, over a connection of their own. */
  function exchange<T>(
    timeoutMs: number,
    sizeBytes: number,
    act: (at: Answering) => Promise<T> | T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const up = network.channel(name, 'coordinator')
      const down = network.channel('coordinator', name)
      const cancel = agent.later(timeoutMs, () => reject(new Error('timeout')))
      const settle = (act: () => void) => () =>
        agent.perform(() => {
          cancel()
          act()
        })
      const lost = settle(() => reject(new Error('connection refused')))
      up.send(sizeBytes, () => {
        const at = answering()
        if (at === undefined) return down.send(HEADER_BYTES, lost)
        const { process } = at
        process.perform(() => {
          const forget = process.whenEnded(() => down.send(HEADER_BYTES, lost))
          const answer = (act: () => void) => {
            forget()
            down.send(HEADER_BYTES, settle(act))
          }
          Promise.resolve()
            .then(() => act(at))
            .then(
              (value) => answer(() => resolve(value)),
              (error) => answer(() => reject(error)),
            )
        })
      })
    })
  }

  const post: Reach['post'] = async (url, path, body) => {
    const text = JSON.stringify(body)
    let answer: { readonly status: number; readonly text: string }
    try {
      answer = await exchange(HTTP_TIMEOUT_MS, HEADER_BYTES + text.length, async ({ service }) => {
        try {
          const raw: unknown = JSON.parse(text)
          const reply = path.endsWith('/challenge')
            ? service.admission.challenge(parseChallengeRequest(raw).publicKey)
            : await service.admission.join(parseJoinRequest(raw))
          return { status: 200, text: JSON.stringify(reply) }
        } catch (error) {
          return { status: 400, text: JSON.stringify(problemOf(error)) }
        }
      })
    } catch (cause) {
      throw new LoricaError('LRC-8002', `no coordinator answers at ${url}`, { cause })
    }
    const raw: unknown = JSON.parse(answer.text)
    if (answer.status === 200) return raw
    throw errorOfProblem(raw) ?? new LoricaError('LRC-8002', 'the coordinator answered with something else')
  }

  return {
    post,
    openSocket: (options) => openSocket(name, agent, parts, { ...options, exchange }),
  }
}

type Exchange = <T>(ms: number, sizeBytes: number, act: (at: Answering) => Promise<T> | T) => Promise<T>

/** A socket that connects when it is told to, as that of socket.io does. */
function openSocket(
  name: string,
  agent: Incarnation,
  parts: AddressParts,
  { proof, onRefused, exchange }: SocketOptions & { readonly exchange: Exchange },
): FleetSocket {
  const { dice, history } = parts
  const listeners: (readonly [string, (...args: never[]) => void])[] = []
  let connection: Connection | undefined
  let connections = 0
  let isWanted = false
  let isTrying = false
  const tell = (event: string, ...args: readonly unknown[]): void => {
    for (const [wanted, listener] of listeners)
      if (wanted === event) (listener as (...args: unknown[]) => void)(...args)
  }
  const ended = (): void => {
    connection = undefined
  }

  async function open(): Promise<void> {
    if (isTrying || connection !== undefined) return
    isTrying = true
    try {
      const headers = await proof()
      const opened = await exchange(CONNECT_TIMEOUT_MS, HEADER_BYTES, (at) => admit(at, headers))
      if ('refusal' in opened) {
        onRefused(errorOf(opened.refusal))
        throw new Error(REFUSED)
      }
      if (!isWanted || !opened.endpoint.isOpen()) throw new Error('the connection ended at once')
      connection = opened
      connections++
      for (const [event, listener] of listeners) opened.endpoint.on(event, listener)
      tell('connect')
    } catch (error) {
      if (!isWanted) return
      tell('connect_error', error)
    } finally {
      isTrying = false
    }
  }

  function admit(
    { process, service }: Answering,
    headers: Readonly<Record<string, string>>,
  ): Connection | { readonly refusal: Refusal } {
    try {
      const member = service.admission.connect({ headers })
      return connect({
        ...{ name, dice, history, agent, coordinator: process },
        ...{ network: parts.network, transfer: parts.transfer },
        accept: (socket) => service.connections.accept(socket, member),
        ended,
        sent: (event, inFlightBytes) => parts.sent(name, event, inFlightBytes),
        promised: (carried) => parts.promised(name, carried),
      })
    } catch (error) {
      return { refusal: refusalOf(error) }
    }
  }

  return {
    get connected() {
      return connection?.endpoint.isOpen() ?? false
    },
    get id() {
      return connection === undefined ? undefined : `${name}/${connections}`
    },
    on: (event, listener) => void listeners.push([event, listener]),
    connect() {
      isWanted = true
      void open()
    },
    disconnect() {
      isWanted = false
      connection?.disconnect()
    },
    timeout: (ms) => ({
      emitWithAck: (event, message) =>
        connection === undefined
          ? Promise.reject(new Error('socket has been disconnected'))
          : connection.endpoint.ask(event, message, ms),
    }),
  }
}
