import type { LIVE_NAMESPACE, LIVE_PATH, LIVE_PROTOCOL, LiveEvent, TOKEN_PROTOCOL } from '@lorica/protocol'
import { effect } from '@preact/signals'
import { io } from 'socket.io-client'
import { type Subject, subjectOf, subjectsOf } from '../views/news.js'
import { token } from './session.js'

const path: typeof LIVE_PATH = '/api/v1/live'
const namespace: typeof LIVE_NAMESPACE = '/events'
const protocol: typeof LIVE_PROTOCOL = 'lorica.events'
const bearer: typeof TOKEN_PROTOCOL = 'bearer.'

interface Reader {
  readonly subject: Subject
  readonly act: () => void
}

const readers = new Set<Reader>()
let isConnected = false

/** Connects whoever is signed in with what happens. While that cannot be done, pages ask by themselves. */
export function followNews(): void {
  effect(() => {
    if (token.value === null) return
    const socket = io(namespace, {
      path: new URL(path.slice(1), document.baseURI).pathname,
      ...{ transports: ['websocket'], addTrailingSlash: false, forceNew: true },
      protocols: [protocol, `${bearer}${token.value}`],
    })
    socket.on('ready', () => {
      isConnected = true
      tell(() => true)
    })
    socket.on('event', ({ type }: LiveEvent) => {
      const changed = subjectsOf(type)
      tell((subject) => changed.includes(subject))
    })
    socket.on('gap', () => tell(() => true))
    socket.on('disconnect', () => {
      isConnected = false
    })
    return () => {
      isConnected = false
      socket.disconnect()
    }
  })
}

/** Whether what a path answers is told of, so that it need not be asked for often. */
export function isTold(asked: string): boolean {
  return isConnected && subjectOf(asked) !== undefined
}

/** Calls `act` when a path may answer something else, until the returned function is called. */
export function onNews(asked: string, act: () => void): () => void {
  const subject = subjectOf(asked)
  if (subject === undefined) return () => {}
  const reader: Reader = { subject, act }
  readers.add(reader)
  return () => void readers.delete(reader)
}

function tell(isAbout: (subject: Subject) => boolean): void {
  for (const { subject, act } of [...readers]) if (isAbout(subject)) act()
}
