import type { Dice } from './dice.js'
import type { History } from './history.js'
import type { Schedule } from './schedule.js'

/** The network between the machines: everything takes time, and the way from one to another may be interrupted. */
export interface Network {
  /** Whether what one sends reaches the other now. */
  isOpen(from: string, to: string): boolean
  /** Interrupts the way from one machine to another for a time. What is on it arrives afterwards, in order. */
  block(from: string, to: string, forMs: number): void
  /** Makes everything slower from now on; 1 is the usual. */
  slow(factor: number): void
  /** A way for messages that keeps their order. */
  channel(from: string, to: string): Channel
  /** Calls `heard` when the way from one machine to another has been interrupted for `patienceMs`, unless it is called off. */
  whenSilent(from: string, to: string, patienceMs: number, heard: () => void): () => void
}

/** Messages of one connection in one direction. */
export interface Channel {
  /** Delivers a message after a while. */
  send(sizeBytes: number, deliver: () => void): void
  /** Bytes that were sent and have not arrived. */
  inFlightBytes(): number
}

interface Parts {
  readonly schedule: Schedule
  readonly dice: Dice
  readonly history: History
}

/** A network on which every way is open. */
export function createNetwork({ schedule, dice, history }: Parts): Network {
  const blockedUntilMs = new Map<string, number>()
  const rates = new Map<string, number>() // bytes per millisecond of a way, drawn once
  const watchers = new Set<{ readonly way: string; readonly watch: (sinceMs: number) => void }>()
  let slowness = 1
  const way = (from: string, to: string): string => `${from} > ${to}`
  const openAtMs = (name: string): number => Math.max(schedule.nowMs(), blockedUntilMs.get(name) ?? 0)
  const isBlocked = (name: string): boolean => openAtMs(name) > schedule.nowMs()
  const rateOf = (name: string): number => {
    const known = rates.get(name) ?? dice.between(20, 2000)
    rates.set(name, known)
    return known
  }

  return {
    isOpen: (from, to) => !isBlocked(way(from, to)),
    block(from, to, forMs) {
      const name = way(from, to)
      history.note(`network: nothing gets from ${name.replace('>', 'to')} for ${(forMs / 1000).toFixed(1)} s`)
      blockedUntilMs.set(name, Math.max(openAtMs(name), schedule.nowMs() + forMs))
      for (const watcher of [...watchers]) if (watcher.way === name) watcher.watch(schedule.nowMs())
    },
    slow(factor) {
      slowness = factor
    },
    channel(from, to) {
      const name = way(from, to)
      let lastAtMs = 0
      let inFlightBytes = 0
      const queue: { readonly sizeBytes: number; readonly deliver: () => void }[] = []
      const arrive = (): void => {
        if (isBlocked(name)) {
          schedule.after(openAtMs(name) - schedule.nowMs() + dice.between(0, 5), arrive)
          return
        }
        const message = queue.shift()
        if (message === undefined) return
        inFlightBytes -= message.sizeBytes
        message.deliver()
      }
      return {
        send(sizeBytes, deliver) {
          const tripMs = (dice.between(0.2, 40) + sizeBytes / rateOf(name)) * slowness
          lastAtMs = Math.max(lastAtMs, schedule.nowMs() + tripMs)
          inFlightBytes += sizeBytes
          queue.push({ sizeBytes, deliver })
          schedule.after(lastAtMs - schedule.nowMs(), arrive)
        },
        inFlightBytes: () => inFlightBytes,
      }
    },
    whenSilent(from, to, patienceMs, heard) {
      const name = way(from, to)
      let isOver = false
      const watch = (sinceMs: number): void => {
        schedule.after(patienceMs, () => {
          const wasSilent = isBlocked(name) && openAtMs(name) > sinceMs + patienceMs
          if (!isOver && wasSilent) {
            stop()
            heard()
          }
        })
      }
      const watcher = { way: name, watch }
      const stop = (): void => {
        isOver = true
        watchers.delete(watcher)
      }
      watchers.add(watcher)
      return stop
    },
  }
}
