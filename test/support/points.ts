import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { WeakLink } from './weak-link.js'

/** A message on its way, and whether it still arrives. */
export interface Point {
  readonly message: string
  readonly moment: 'before' | 'after'
}

/** Every message that passes between an agent and its coordinator in a run, and every answer. */
export const points: readonly Point[] = [
  ...['connect', 'hello', 'assignment train', 'blob.read', 'progress'],
  ...['update.open', 'update.chunk', 'update.close'],
  ...['assignment evaluate', 'evaluation', 'release', 'run-ended'],
].flatMap((name) =>
  [name, `${name} answered`].flatMap((message) => [
    { message, moment: 'before' as const },
    { message, moment: 'after' as const },
  ]),
)

const LAST_MESSAGES_MS = 1000 // for what an agent is told after its run has ended

/**
 * Strikes as soon as a message reaches the point, `graceMs` later when it may arrive, and cuts the link there.
 * False when the run was over before that.
 */
export async function strikeAt(
  link: WeakLink,
  { message, moment }: Point,
  { graceMs, strike, over }: { graceMs: number; strike: () => void; over: AbortSignal },
): Promise<boolean> {
  let rest = (): void => {}
  const struck = new Promise<true>((resolve) => {
    rest = link.watch((now, { name }) => {
      if (now !== moment || name !== message) return 'pass'
      rest()
      const end = (): void => {
        strike()
        link.cut()
        resolve(true)
      }
      if (moment === 'before') end()
      else setTimeout(end, graceMs)
      return moment === 'before' ? 'cut' : 'pass'
    })
  })
  if (/^(connect|hello)/.test(message)) link.cut() // a connection greets once
  const done = new AbortController()
  const waiting = over.aborted ? Promise.resolve() : once(over, 'abort', { signal: done.signal })
  const ended = waiting.then(
    () => pause(LAST_MESSAGES_MS, false as const),
    () => false as const, // nobody waits any more
  )
  const isStruck = await Promise.race([struck, ended])
  done.abort()
  rest()
  return isStruck
}
