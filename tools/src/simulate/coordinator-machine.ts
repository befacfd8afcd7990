import {
  type Claim,
  createShelf,
  type Host,
  openMemory,
  openService,
  type Store,
} from '@lorica/coordinator/embed'
import { LoricaError, storeIdentity } from '@lorica/protocol'
import type { Answering } from './address.js'
import type { Dice } from './dice.js'
import type { History } from './history.js'
import { createIncarnation, type Incarnation, type MachineClock } from './incarnation.js'
import { identityOf } from './keys.js'
import { createMemoryDisk, type MemoryDisk } from './memory-disk.js'
import { baseFiles, firstAdapter, hashOfFiles } from './model.js'
import type { Schedule } from './schedule.js'

export const COORDINATOR_FOLDER = '/coordinator'
export const BASE_FOLDER = '/models/base'

/** The machine of the coordinator, its disk and its store; processes on it come and go. */
export interface CoordinatorMachine {
  readonly disk: MemoryDisk
  readonly clock: MachineClock
  readonly shelf: ReturnType<typeof createShelf>
  /** Who answers at its address. */
  answering(): Answering | undefined
  /** Starts a process; it is started again when it cannot begin. */
  start(): void
  /** Ends the process: killed, or with the power of the machine. It comes back after a while. */
  crash(how: 'killed' | 'power lost', awayMs: number): void
  /** Stops the process for as long as another one takes over in, and then lets it go on. */
  supersede(forMs: number): void
  setFull(isFull: boolean): void
  processes(): readonly Incarnation[]
}

export interface CoordinatorParts {
  readonly schedule: Schedule
  readonly dice: Dice
  readonly history: History
  readonly leaseMs: number
  readonly diskFlushes: boolean
  /** Hears that a service answers. */
  readonly started: (answering: Answering) => void
  /** Hears of a fault that should not be. */
  readonly faulty: (reason: string) => void
}

const WRITE_MS = 6 // of one transaction, at most
const AGAIN_MS = 5000

/** A machine with the key of the coordinator and the base model on its disk. */
export function createCoordinatorMachine(parts: CoordinatorParts): CoordinatorMachine {
  const { schedule, dice, history } = parts
  const disk = createMemoryDisk(dice.fork('disk'), parts.diskFlushes)
  const shelf = createShelf('simulated')
  const clock: MachineClock = { offsetMs: 0 }
  const alive = new Set<number>()
  const incarnations: Incarnation[] = []
  const replaced = new Set<Incarnation>() // what goes wrong in them is nobody's business
  let current: Answering | undefined
  let starting: Incarnation | undefined
  let isStoreFull = false
  let processes = 0

  for (const [path, bytes] of baseFiles) disk.put(`${BASE_FOLDER}/${path}`, bytes)
  const identity = JSON.stringify(storeIdentity(identityOf('coordinator')))
  disk.put(`${COORDINATOR_FOLDER}/identity.json`, Buffer.from(identity))

  function hostOf(process: Incarnation, processId: number): Host {
    const base = hashOfFiles(baseFiles)
    return {
      clock: process.clock,
      random: dice.fork(`coordinator ${processId}`),
      disk: disk.mount(process),
      models: {
        hash: async () => base,
        firstAdapter: async (_, __, seed) => firstAdapter(seed),
        folderOf: async (path) => path,
      },
      openStore: async () => storeOf(process),
      claim: (leaseMs): Claim => ({
        ...{ host: `machine-${processId} boot pid`, processId, startedAt: String(processId), leaseMs },
      }),
    }
  }

  /** The store in memory, with writes that take time and of which a crash leaves open whether they happened. */
  function storeOf(process: Incarnation): Store {
    const store = openMemory(shelf, {
      now: process.clock.now,
      isRunning: ({ processId }) => alive.has(processId),
    })
    const written = <T>(act: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        const forget = process.whenEnded(() => {
          if (dice.chance(0.5)) act().catch(() => {})
        })
        process.later(dice.between(0.3, WRITE_MS), () => {
          forget()
          if (isStoreFull) reject(new LoricaError('LRC-5005', 'store: the disk is full'))
          else act().then(resolve, reject)
        })
      })
    return {
      ...store,
      lead: (claim) => written(() => store.lead(claim)),
      renew: (epoch) => written(() => store.renew(epoch)),
      append: (epoch, lines) => written(() => store.append(epoch, lines)),
    }
  }

  function start(): void {
    const processId = ++processes
    const process = createIncarnation(schedule, clock)
    incarnations.push(process)
    starting = process
    alive.add(processId)
    process.whenEnded(() => alive.delete(processId))
    const log = (event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      const shown = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)
      history.note(`coordinator: ${event} ${shown.join(' ')}`)
      if (event === 'fault' && !replaced.has(process)) parts.faulty(`coordinator: ${String(fields.stack)}`)
    }
    history.note(`coordinator: process ${processId} starts`)
    openService({ dir: COORDINATOR_FOLDER, leaseMs: parts.leaseMs }, log, hostOf(process, processId)).then(
      (service) => {
        starting = undefined
        current = { process, service }
        void service.lost.then(async () => {
          history.note(`coordinator: process ${processId} lost the lead`)
          if (current?.process === process) current = undefined
          await service.stop()
          process.end()
        })
        parts.started(current)
      },
      (error: unknown) => {
        history.note(`coordinator: process ${processId} cannot start: ${String(error)}`)
        process.end()
        if (starting === process) schedule.after(AGAIN_MS, start)
      },
    )
  }

  function end(): void {
    const process = current?.process ?? starting
    current = undefined
    starting = undefined
    process?.end()
  }

  return {
    disk,
    clock,
    shelf,
    answering: () => current,
    start,
    crash(how, awayMs) {
      if (current === undefined && starting === undefined) return
      history.note(`coordinator: ${how}`)
      end()
      if (how === 'power lost') disk.losePower()
      schedule.after(awayMs, start)
    },
    supersede(forMs) {
      const stopped = current
      if (stopped === undefined) return
      const paused = stopped.process
      history.note(`coordinator: stopped for ${(forMs / 1000).toFixed(1)} s; another one takes over`)
      paused.pause()
      replaced.add(paused)
      current = undefined
      start()
      schedule.after(forMs, () => {
        history.note('coordinator: the one that was stopped goes on')
        paused.resume()
        if (!paused.isAlive() || current !== undefined) return
        current = stopped // nobody could take over yet
        replaced.delete(paused)
      })
    },
    setFull(isFull) {
      disk.setFull(isFull)
      isStoreFull = isFull
    },
    processes: () => incarnations,
  }
}
