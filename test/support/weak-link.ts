/**
 * A TCP link that does what links do: it is slow, late, dark in one way or both, or cut. Bytes that it holds back are not lost
 * while it is dark: TCP would send them again.
 * @module
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createReader, createSplitter, type Message, type Unit } from './frames.js'

export type Way = 'up' | 'down' // up: from the agent to the coordinator

export interface Conditions {
  readonly bytesPerSecond: number // of all connections together
  readonly delayMs: number
  readonly isDark: boolean // nothing comes out, not even the end of a connection
}

/** A message that reached the link, or that has just left it. `cut` ends every connection there: what has not left is lost. */
export type Watcher = (moment: 'before' | 'after', message: Message, way: Way) => 'pass' | 'cut'

export interface WeakLink extends AsyncDisposable {
  readonly url: string
  set(way: Way | 'both', conditions: Partial<Conditions>): void
  /** Resets every connection. New ones come through. */
  cut(): void
  /** Bytes that have come out at the other end. */
  bytes(way: Way): number
  /** Bytes that agents have sent, also those that never came out. */
  arrived(): number
  /** Sees every message of every connection from now on, until the function that it returns is called. */
  watch(watcher: Watcher): () => void
}

const SLICE_BYTES = 4096
const QUEUE_BYTES = 128 * 1024
const CATCH_UP_MS = 50 // a timer that is late does not make the link slower
const clear: Conditions = { bytesPerSecond: Number.POSITIVE_INFINITY, delayMs: 0, isDark: false }

export async function startWeakLink(target: string): Promise<WeakLink> {
  const { hostname, port } = new URL(target)
  const conditions: Record<Way, Conditions> = { up: clear, down: clear }
  const passed: Record<Way, number> = { up: 0, down: 0 }
  const freeAtMs: Record<Way, number> = { up: 0, down: 0 }
  let arrivedBytes = 0
  const open = new Set<Socket>()
  const changed = createBell()
  const watchers = new Set<Watcher>()

  async function whenLight(...ways: readonly Way[]): Promise<void> {
    while (ways.some((way) => conditions[way].isDark)) await changed.rung()
  }

  async function turn(way: Way, sizeBytes: number): Promise<void> {
    await whenLight(way)
    const now = performance.now()
    freeAtMs[way] =
      Math.max(now - CATCH_UP_MS, freeAtMs[way]) + (sizeBytes / conditions[way].bytesPerSecond) * 1000
    if (freeAtMs[way] > now) await pause(freeAtMs[way] - now)
    await whenLight(way)
  }

  function cut(): void {
    for (const socket of open) socket.resetAndDestroy()
  }

  function isCut(moment: 'before' | 'after', message: Message | undefined, way: Way): boolean {
    if (message === undefined) return false
    return [...watchers].map((watcher) => watcher(moment, message, way)).includes('cut')
  }

  const server = createServer({ pauseOnConnect: true }, (near) => void connect(near))

  async function connect(near: Socket): Promise<void> {
    keep(near)
    await whenLight('up', 'down')
    if (near.destroyed) return
    const far = keep(dial(Number(port), hostname))
    const read = createReader()
    near.on('data', (part: Buffer) => {
      arrivedBytes += part.byteLength
    })
    void carry('up', near, far, read)
    void carry('down', far, near, read)
  }

  function keep(socket: Socket): Socket {
    open.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => open.delete(socket))
    return socket
  }

  async function carry(
    way: Way,
    from: Socket,
    to: Socket,
    read: ReturnType<typeof createReader>,
  ): Promise<void> {
    const split = createSplitter()
    const queue: { readonly unit: Unit; readonly dueMs: number }[] = []
    let queuedBytes = 0
    const news = createBell()
    let hasEnded = false
    from.on('data', (part: Buffer) => {
      for (const unit of split(part)) {
        queue.push({ unit, dueMs: performance.now() + conditions[way].delayMs })
        queuedBytes += unit.bytes.byteLength
      }
      if (queuedBytes > QUEUE_BYTES) from.pause()
      news.ring()
    })
    from.once('close', () => {
      hasEnded = true
      news.ring()
    })
    from.resume()
    for (;;) {
      const next = queue.shift()
      if (next === undefined) {
        if (hasEnded) break
        await news.rung()
        continue
      }
      const { unit, dueMs } = next
      if (dueMs > performance.now()) await pause(dueMs - performance.now())
      const message = read(way, unit)
      if (isCut('before', message, way)) return cut()
      for (let at = 0; at < unit.bytes.byteLength; at += SLICE_BYTES) {
        const slice = unit.bytes.subarray(at, at + SLICE_BYTES)
        await turn(way, slice.byteLength)
        if (to.destroyed) break
        if (!to.write(slice)) await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => {})
        passed[way] += slice.byteLength
      }
      if (isCut('after', message, way)) return cut()
      queuedBytes -= unit.bytes.byteLength
      if (queuedBytes <= QUEUE_BYTES) from.resume()
    }
    await whenLight(way)
    to.end()
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const set: WeakLink['set'] = (way, next) => {
    for (const one of way === 'both' ? (['up', 'down'] as const) : [way])
      conditions[one] = { ...conditions[one], ...next }
    changed.ring()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ set, cut },
    arrived: () => arrivedBytes,
    bytes: (way) => passed[way],
    watch(watcher) {
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    [Symbol.asyncDispose]: async () => {
      set('both', clear)
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Bell {
  rung(): Promise<void> // the next time
  ring(): void
}

function createBell(): Bell {
  let wake: () => void = () => {}
  let next = new Promise<void>((resolve) => {
    wake = resolve
  })
  return {
    rung: () => next,
    ring() {
      wake()
      next = new Promise<void>((resolve) => {
        wake = resolve
      })
    },
  }
}
