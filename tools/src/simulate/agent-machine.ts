import {
  type AgentEvent,
  enrol,
  type Host,
  type Membership,
  maskHere,
  openTraffic,
  runAgent,
} from '@lorica/agent/embed'
import type { Masking } from '@lorica/privacy'
import { asLoricaError, parseJoinLink } from '@lorica/protocol'
import { type AddressParts, reachFrom } from './address.js'
import type { Dice } from './dice.js'
import { privateBatches, startEngine } from './engine.js'
import type { History } from './history.js'
import { createIncarnation, type Incarnation, type MachineClock } from './incarnation.js'
import { identityOf } from './keys.js'
import { createMemoryDisk, type MemoryDisk } from './memory-disk.js'
import { hashOfFiles } from './model.js'
import type { Schedule } from './schedule.js'

export const AGENT_FOLDER = '/agent'

/** The machine of one agent and its disk; processes on it come and go. */
export interface AgentMachine {
  readonly name: string
  readonly agentId: string
  readonly disk: MemoryDisk
  readonly clock: MachineClock
  start(): void
  crash(how: 'killed' | 'power lost', awayMs: number): void
  /** Hears of a message that the agent sends. */
  sending(event: string): void
  /** Every training that began, by name, and whether its work was finished before. */
  readonly trainings: readonly { readonly work: string; readonly wasFinished: boolean }[]
  isRunning(): boolean
  /** What it kept was damaged: it may train that again. */
  damaged(): void
}

export interface AgentParts {
  readonly index: number
  readonly slowness: number // of its training and measuring: times as long as others
  readonly schedule: Schedule
  readonly dice: Dice
  readonly history: History
  readonly address: AddressParts
  /** The link that agents join with. */
  readonly join: () => string
  readonly told: (agent: string, event: AgentEvent) => void
  /** Hears of what leaves masked, by its hash, and what is below. */
  readonly masked: (sha256: string, masking: Masking) => void
  readonly faulty: (reason: string) => void
  /** May change what the agent says. */
  readonly reach?: typeof reachFrom
}

const AGAIN_MS = 5000
const LASTING = ['LRC-2006', 'LRC-2011'] // the fleet does not want it any more: nobody starts it again

/** A machine on which an agent is installed. */
export function createAgentMachine(parts: AgentParts): AgentMachine {
  const { index, slowness, schedule, dice, history } = parts
  const name = `agent-${index}`
  const identity = identityOf(name)
  const disk = createMemoryDisk(dice.fork('disk'))
  const clock: MachineClock = { offsetMs: 0 }
  const trainings: { work: string; wasFinished: boolean }[] = []
  const kept = new Set<string>() // work that is in the outbox for good
  let trainedLast: string | undefined
  let current: Incarnation | undefined
  let processes = 0
  let membership: Membership | undefined

  function hostOf(process: Incarnation): Host {
    const random = dice.fork(`process ${processes}`)
    const mounted = disk.mount(process)
    return {
      ...{ clock: process.clock, random, disk: mounted },
      ...(parts.reach ?? reachFrom)(name, process, parts.address),
      hashModel: async (folder) => {
        const paths = disk.paths().filter((path) => path.startsWith(`${folder}/`))
        return hashOfFiles(
          new Map(paths.map((path) => [path.slice(folder.length + 1), disk.peek(path) as Uint8Array])),
        )
      },
      openBatches: privateBatches,
      async mask(masking) {
        const masked = maskHere(masking)
        parts.masked(masked.sha256, masking)
        return masked
      },
      sensors: {
        read: async () => ({ othersLoad: null, othersGpuLoad: null, isOnBattery: null, celsius: null }),
      },
      counters: { packages: async () => [], gpuWatts: async () => null, gpuBytes: async () => null },
      startEngine: async () =>
        startEngine({
          ...{ process, agent: index, slowness, dice: random.fork('engine') },
          began(work) {
            history.note(`${name}: trains ${work}`)
            trainings.push({ work, wasFinished: kept.has(work) })
          },
          finished: (work) => {
            trainedLast = work
          },
        }),
    }
  }

  async function join(host: Host): Promise<Membership> {
    const link = parseJoinLink(parts.join())
    const enrolment = await enrol(link, { identity, name, labels: {} }, host.post)
    const settings = { schema: 1, url: link.url, ...enrolment, name, labels: {}, data: ['/data'] } as const
    return { settings: { ...settings, data: ['/data'] }, identity, documents: 20, isNew: true }
  }

  async function live(process: Incarnation): Promise<never> {
    const host = hostOf(process)
    membership ??= await join(host)
    const traffic = await openTraffic(AGENT_FOLDER, host.clock, host.disk)
    const tell = (event: AgentEvent): void => {
      if (event.event !== 'progress') history.note(`${name}: tells ${describe(event)}`)
      parts.told(name, event)
    }
    return await runAgent({ folder: AGENT_FOLDER, membership, traffic, tell, host }).failed
  }

  function start(): void {
    processes++
    const process = createIncarnation(schedule, clock)
    current = process
    history.note(`${name}: process ${processes} starts`)
    live(process).catch((cause: unknown) => {
      const error = asLoricaError(cause)
      history.note(`${name}: ends: ${error.code} ${error.message}`)
      if (error.code === 'LRC-9001')
        parts.faulty(`${name}: ${(error.cause as Error)?.stack ?? error.message}`)
      process.end()
      if (current !== process) return
      current = undefined
      if (!LASTING.includes(error.code)) schedule.after(AGAIN_MS, start)
    })
  }

  return {
    ...{ name, agentId: identity.id, disk, clock, trainings },
    start,
    crash(how, awayMs) {
      if (current === undefined) return
      history.note(`${name}: ${how}`)
      current.end()
      current = undefined
      trainedLast = undefined
      if (how === 'power lost') disk.losePower()
      schedule.after(awayMs, start)
    },
    isRunning: () => current !== undefined,
    damaged() {
      kept.clear()
      trainedLast = undefined // offered again, it is as damaged as before
    },
    sending(event) {
      if (event === 'update.open' && trainedLast !== undefined) kept.add(trainedLast)
    },
  }
}

function describe({ event, ...fields }: AgentEvent): string {
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${String(value).slice(0, 80)}`)
  return [event, ...shown].join(' ')
}
