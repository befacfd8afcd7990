/**
 * A connection of an agent: what socket.io and its WebSocket do, on the network of the simulation.
 * @module
 */
import type { AgentSocket } from '@lorica/coordinator/embed'
import type { Dice } from './dice.js'
import { createEndpoint, type Endpoint } from './endpoint.js'
import type { History } from './history.js'
import type { Incarnation } from './incarnation.js'
import type { Network } from './network.js'

const CONTROL_BYTES = 16
const PATIENCE_MS = 25_000 // ping interval and ping time-out together
const NO_HEARTBEAT_MS = 10_000 // the least after which silence is noticed

/** A connection from the side of the agent. */
export interface Connection {
  readonly endpoint: Endpoint
  /** Ends it, as the agent wishes. */
  disconnect(): void
}

export interface ConnectionParts {
  readonly name: string // of the agent
  readonly network: Network
  readonly dice: Dice
  readonly history: History
  readonly agent: Incarnation
  readonly coordinator: Incarnation
  /** Takes the side of the coordinator. */
  readonly accept: (socket: AgentSocket) => void
  /** Hears, on the agent's side, that the connection has ended and why. */
  readonly ended: (reason: string) => void
  /** Hears of each message to the coordinator, and how many bytes were on their way then. */
  readonly sent: (event: string, inFlightBytes: number) => void
  /** Hears of what the coordinator sends: it may be a promise. */
  readonly promised: (carried: unknown) => void
  /** What the agent is told of the limits of a transfer. */
  readonly transfer: { readonly chunkBytes: number; readonly windowChunks: number }
}

/** Connects an agent that was let in. */
export function connect(parts: ConnectionParts): Connection {
  const { name, network, dice, history, agent, coordinator } = parts
  const up = network.channel(name, 'coordinator')
  const down = network.channel('coordinator', name)
  const closeListeners: ((code: number) => void)[] = []
  let readyState = 1

  const heardClose = (code: number): void => {
    readyState = 3
    for (const heard of closeListeners.splice(0)) coordinator.perform(() => heard(code))
  }
  const endClient = (reason: string): void => {
    if (!client.isOpen()) return
    history.note(`${name}: connection ended: ${reason}`)
    client.close(true)
    client.tell('disconnect', reason)
    parts.ended(reason)
  }
  const endServer = (reason: string, isOver: boolean): void => {
    if (isOver) heardClose(1006)
    if (!server.isOpen()) return
    server.close(false)
    server.tell('disconnect', reason)
  }
  const inAgent = (act: () => void) => () => agent.perform(act)
  const inCoordinator = (act: () => void) => () => coordinator.perform(act)
  const note = (from: string, to: string) => (event: string, sizeBytes: number, carried: unknown) => {
    history.note(`${from} -> ${to}: ${event}, ${sizeBytes} bytes`)
    if (from === name) parts.sent(event, up.inFlightBytes() + sizeBytes)
    else parts.promised(carried)
  }

  const client = createEndpoint({
    ...{ process: agent, out: up, deliver: (frame) => server.take(frame), sent: note(name, 'coordinator') },
    broken: () => endClient('parse error'),
    alter: (event, value) => (event === 'hello' ? withLimits(value, parts.transfer) : value),
  })
  const server = createEndpoint({
    ...{
      process: coordinator,
      out: down,
      deliver: (frame) => client.take(frame),
      sent: note('coordinator', name),
    },
    broken(error) {
      server.tell('error', error)
      endServer('parse error', true)
      down.send(
        CONTROL_BYTES,
        inAgent(() => endClient('transport close')),
      )
    },
  })

  const hangUp = (): void =>
    down.send(
      CONTROL_BYTES,
      inAgent(() => endClient('transport close')),
    )
  const goneUp = (): void =>
    up.send(
      CONTROL_BYTES,
      inCoordinator(() => endServer('transport close', true)),
    )
  const dropAgent = (): void => {
    endServer('ping timeout', true)
    hangUp()
  }
  const dropCoordinator = (): void => {
    endClient('ping timeout')
    goneUp()
  }
  const silent = (from: string, to: string, heard: () => void): void =>
    void network.whenSilent(from, to, dice.between(NO_HEARTBEAT_MS, PATIENCE_MS), heard)
  silent(name, 'coordinator', inCoordinator(dropAgent))
  silent('coordinator', name, inAgent(dropCoordinator))
  agent.whenEnded(goneUp)
  coordinator.whenEnded(hangUp)
  coordinator.whenStopped(PATIENCE_MS, inAgent(dropCoordinator))

  const webSocket = {
    get bufferedAmount() {
      return down.inFlightBytes()
    },
    get readyState() {
      return readyState
    },
    once: (_: 'close', heard: (code: number) => void) => void closeListeners.push(heard),
    prependListener: () => {}, // of frames that break WebSocket itself: there are none
    terminate: () => heardClose(1006),
  }
  const socket: AgentSocket = {
    on: server.on,
    onAny: server.onAny,
    eventNames: server.eventNames,
    disconnect() {
      if (!server.isOpen()) return
      readyState = 2
      endServer('server namespace disconnect', false)
      const agree = (): void => {
        const wasThere = client.isOpen()
        endClient('io server disconnect')
        if (wasThere) up.send(CONTROL_BYTES, () => readyState === 2 && heardClose(1005))
      }
      down.send(CONTROL_BYTES, inAgent(agree))
    },
    timeout: (ms) => ({ emitWithAck: (event, message) => server.ask(event, message, ms) }),
    handshake: { address: name },
    conn: { transport: { socket: webSocket } },
  }
  parts.accept(socket)
  return {
    endpoint: client,
    disconnect() {
      if (!client.isOpen()) return
      endClient('io client disconnect')
      up.send(
        CONTROL_BYTES,
        inCoordinator(() => endServer('client namespace disconnect', true)),
      )
    },
  }
}

function withLimits(value: unknown, limits: ConnectionParts['transfer']): unknown {
  const reply = value as { readonly ok: boolean }
  return reply.ok ? { ...reply, limits } : reply
}
