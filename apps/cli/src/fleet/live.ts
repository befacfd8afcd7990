/**
 * What happens in a fleet, as it happens: the live connection of operators, and what is read anew because of it.
 * @module
 */
import { LIVE_NAMESPACE, LIVE_PATH, type LiveEvent, LoricaError } from '@lorica/protocol'
import { io } from 'socket.io-client'
import type { Output } from '../screen/output.js'
import { type ApiOptions, placeOf } from './api.js'

const AGAIN_MS = 500 // between two attempts to connect, and between two looks while there is no connection
const LEAST_MS = 100 // between two looks, however much happens

export interface Watched<T> {
  /** Whether what is looked at may be different after an event. */
  readonly isAbout: (event: LiveEvent) => boolean
  /** Reads it, shows what is new, and answers at the end of what is to be watched. */
  readonly look: () => Promise<T | undefined>
  /** Least time between two looks, in milliseconds. */
  readonly leastMs?: number
  /** What goes on while nobody can look: `the rollout`. */
  readonly what: string
}

/**
 * Looks at once, and again whenever the coordinator tells of something that it is about, until `look` answers. While there is no live connection it looks
 * every half second instead, and while the coordinator is away it waits for it. Throws what `look` throws, but for LRC-8002.
 */
export async function watchLive<T>(options: ApiOptions, watched: Watched<T>, output: Output): Promise<T> {
  const { isAbout, look, leastMs = LEAST_MS, what } = watched
  const news = createNews()
  const link = lookOn(options, (event) => {
    if (event === undefined || isAbout(event)) news.ring()
  })
  let isAway = false
  try {
    for (;;) {
      news.silence()
      try {
        const end = await look()
        if (end !== undefined) return end
        isAway = false
      } catch (error) {
        if (!(error instanceof LoricaError) || error.code !== 'LRC-8002') throw error
        if (!isAway)
          output.line(`the coordinator does not answer; ${what} goes on when it is back (Ctrl-C leaves it)`)
        isAway = true
      }
      const lookedMs = performance.now()
      await news.heard(link.isUp() && !isAway ? undefined : AGAIN_MS)
      await pause(leastMs - (performance.now() - lookedMs)) // more of it may have happened meanwhile
    }
  } finally {
    link.close()
  }
}

interface Link {
  isUp(): boolean
  close(): void
}

/** Connects, and again whenever the link is lost. `hear` is told each event, and undefined where others may have been missed, or the link was lost. */
function lookOn(options: ApiOptions, hear: (event: LiveEvent | undefined) => void): Link {
  const { url, token } = placeOf(options)
  const socket = io(`${new URL(url).origin}${LIVE_NAMESPACE}`, {
    ...{ path: LIVE_PATH, transports: ['websocket'], addTrailingSlash: false, forceNew: true },
    extraHeaders: { authorization: `Bearer ${token}` },
    ...{ reconnectionDelay: AGAIN_MS, reconnectionDelayMax: 8 * AGAIN_MS },
  })
  let isUp = false
  socket.on('ready', () => {
    isUp = true
    hear(undefined)
  })
  socket.on('event', hear)
  socket.on('gap', () => hear(undefined))
  socket.on('disconnect', (reason) => {
    isUp = false
    hear(undefined)
    if (reason === 'io server disconnect') setTimeout(() => socket.connect(), AGAIN_MS).unref()
  })
  return { isUp: () => isUp, close: () => void socket.disconnect() }
}

interface News {
  ring(): void
  /** Forgets what rang until now. */
  silence(): void
  /** Resolves once it rang, at the latest after so many milliseconds. */
  heard(atMostMs: number | undefined): Promise<void>
}

function createNews(): News {
  let isRung = false
  let wake = () => {}
  return {
    ring() {
      isRung = true
      wake()
    },
    silence() {
      isRung = false
    },
    async heard(atMostMs) {
      if (isRung) return
      await new Promise<void>((resolve) => {
        const timer = atMostMs === undefined ? undefined : setTimeout(resolve, atMostMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    },
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
