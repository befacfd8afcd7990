import type { Clock } from '@lorica/coordinator/embed'
import type { Schedule } from './schedule.js'

/** The clock of a machine: it outlives the processes on it, and somebody may set it. */
export interface MachineClock {
  offsetMs: number
}

/** One process from its start to its end: what it waits for happens only while it lives. */
export interface Incarnation {
  readonly clock: Clock
  isAlive(): boolean
  /** Lets `act` happen in this process now, or once it goes on. */
  perform(act: () => void): void
  /** Lets `act` happen in this process after `delayMs`. */
  later(delayMs: number, act: () => void): () => void
  /** Ends it: nothing that it waits for happens any more. */
  end(): void
  /** Has `undo` called when the process ends, unless the returned function is called before. */
  whenEnded(undo: () => void): () => void
  /** Stops the process, as SIGSTOP does; what is due meanwhile happens when it goes on. */
  pause(): void
  resume(): void
  /** Calls `heard` when the process has been stopped for `patienceMs`. */
  whenStopped(patienceMs: number, heard: () => void): void
}

const START_MS = Date.UTC(2026, 10, 3, 9) // when every simulation begins

/** A process that has just started on a machine. */
export function createIncarnation(schedule: Schedule, machine: MachineClock): Incarnation {
  const undos = new Set<() => void>()
  const held: (() => void)[] = []
  let isAlive = true
  let isPaused = false
  let pauses = 0
  const stops: (() => void)[] = []
  const perform = (act: () => void): void => {
    if (!isAlive) return
    if (isPaused) held.push(act)
    else act()
  }
  const later: Incarnation['later'] = (delayMs, act) => {
    let isCancelled = false
    const cancel = schedule.after(delayMs, () => perform(() => isCancelled || act()))
    return () => {
      isCancelled = true
      cancel()
    }
  }
  const clock: Clock = {
    now: () => Math.round(START_MS + schedule.nowMs() + machine.offsetMs),
    monotonicMs: schedule.nowMs,
    after: later,
    every(periodMs, act) {
      let cancel = () => {}
      const arm = (): void => {
        cancel = later(periodMs, () => {
          arm()
          act()
        })
      }
      arm()
      return () => cancel()
    },
  }
  return {
    clock,
    isAlive: () => isAlive,
    perform,
    later,
    end() {
      isAlive = false
      for (const undo of [...undos]) undo()
      undos.clear()
    },
    whenEnded(undo) {
      undos.add(undo)
      return () => void undos.delete(undo)
    },
    pause() {
      isPaused = true
      pauses++
      for (const stop of stops) stop()
    },
    resume() {
      isPaused = false
      for (const act of held.splice(0)) schedule.after(0, () => perform(act))
    },
    whenStopped(patienceMs, heard) {
      stops.push(() => {
        const pause = pauses
        schedule.after(patienceMs, () => isPaused && pauses === pause && heard())
      })
    },
  }
}
