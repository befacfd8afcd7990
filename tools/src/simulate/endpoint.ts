import { decodePacket, encodePacket } from '@lorica/protocol'
import type { Incarnation } from './incarnation.js'
import type { Channel } from './network.js'

type Listener = (...args: never[]) => void

/** One side of a connection: it sends real packets, and hands those that arrive to its listeners, as socket.io does. */
export interface Endpoint {
  readonly process: Incarnation
  isOpen(): boolean
  on(event: string, listener: Listener): void
  onAny(listener: (event: string, ...args: unknown[]) => void): void
  eventNames(): readonly string[]
  /** Calls the listeners of an event. */
  tell(event: string, ...args: readonly unknown[]): void
  /** Sends an event; rejects when there is no answer in time. */
  ask(event: string, message: unknown, timeoutMs: number): Promise<unknown>
  /** Takes a frame that the other side sent. */
  take(frame: Uint8Array): void
  /** Takes nothing more; `rejects`: what waits for an answer hears at once that there is none. */
  close(rejects: boolean): void
}

interface Waiting {
  readonly event: string
  resolve(value: unknown): void
  reject(error: Error): void
}

export interface EndpointParts {
  readonly process: Incarnation
  readonly out: Channel
  /** Hands a frame to the other side. */
  readonly deliver: (frame: Uint8Array) => void
  /** Hears that a frame could not be read. */
  readonly broken: (error: Error) => void
  /** May change an answer before it is heard. */
  readonly alter?: (event: string, value: unknown) => unknown
  /** Hears of each frame that is sent, and of what it carries. */
  readonly sent?: (event: string, sizeBytes: number, carried: unknown) => void
}

/** A side that is open. */
export function createEndpoint({ process, out, deliver, broken, alter, sent }: EndpointParts): Endpoint {
  const listeners = new Map<string, Listener[]>()
  const anyListeners: ((event: string, ...args: unknown[]) => void)[] = []
  const waiting = new Map<number, Waiting>()
  let isOpen = true
  let nextId = 0
  const send = (packet: Parameters<typeof encodePacket>[0], event: string): void => {
    const frame = encodePacket(packet)
    sent?.(event, frame.byteLength, (packet.data as unknown[]).at(-1))
    out.send(frame.byteLength, () => deliver(frame))
  }
  const tell: Endpoint['tell'] = (event, ...args) => {
    for (const listener of listeners.get(event) ?? []) (listener as (...args: unknown[]) => void)(...args)
  }
  const hear = (frame: Uint8Array): void => {
    const { type, id, data } = decodePacket(frame)
    if (type === 3) {
      const asked = waiting.get(id as number)
      waiting.delete(id as number)
      const [value] = data as unknown[]
      asked?.resolve(alter === undefined ? value : alter(asked.event, value))
      return
    }
    const [event, ...args] = data as [string, ...unknown[]]
    const reply = (value: unknown): void => {
      if (isOpen && process.isAlive()) send({ type: 3, nsp: '/', id, data: [value] }, `answer to ${event}`)
    }
    for (const listener of anyListeners) listener(event, ...args, reply)
    tell(event, ...args, reply)
  }
  return {
    process,
    isOpen: () => isOpen,
    on(event, listener) {
      listeners.set(event, [...(listeners.get(event) ?? []), listener])
    },
    onAny: (listener) => void anyListeners.push(listener),
    eventNames: () => [...listeners.keys()],
    tell,
    ask(event, message, timeoutMs) {
      return new Promise((resolve, reject) => {
        const id = nextId++
        const cancel = process.later(timeoutMs, () => {
          waiting.delete(id)
          reject(new Error('operation has timed out'))
        })
        const settle =
          <T>(act: (value: T) => void) =>
          (value: T): void => {
            cancel()
            act(value)
          }
        waiting.set(id, { event, resolve: settle(resolve), reject: settle(reject) })
        if (isOpen) send({ type: 2, nsp: '/', id, data: [event, message] }, event)
      })
    },
    take(frame) {
      process.perform(() => {
        if (!isOpen) return
        try {
          hear(frame)
        } catch (error) {
          broken(error as Error)
        }
      })
    },
    close(rejects) {
      isOpen = false
      if (!rejects) return
      for (const { reject } of waiting.values()) reject(new Error('socket has been disconnected'))
      waiting.clear()
    },
  }
}
