import type { AgentMachine } from './agent-machine.js'
import type { CoordinatorMachine } from './coordinator-machine.js'
import type { Dice } from './dice.js'
import type { History } from './history.js'
import type { Network } from './network.js'
import type { Schedule } from './schedule.js'

/** What may go wrong in a simulation. */
export const faultKinds = [
  'crash',
  'power',
  'partition',
  'slow',
  'storm',
  'clock',
  'full-disk',
  'bit-flip',
  'takeover',
  'revoke',
  'liar',
] as const
export type FaultKind = (typeof faultKinds)[number]

export interface FaultParts {
  readonly schedule: Schedule
  readonly dice: Dice
  readonly history: History
  readonly network: Network
  readonly coordinator: CoordinatorMachine
  readonly agents: readonly AgentMachine[]
  /** Takes an agent out of the fleet, as an operator does. */
  readonly revoke: (agent: AgentMachine) => void
  /** Whether enough of them would stay: a fleet that is too small cannot end a run. */
  readonly mayRevoke: () => boolean
  /** Hears that a run need not survive what happens. */
  readonly excuse: () => void
  /** Hears of a file of the coordinator that was damaged, and what it held. */
  readonly damaged: (path: string, held: Uint8Array) => void
}

const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS

/** What a fault of each kind does, at the moment when it happens. A liar lies from the start. */
export const faults: Readonly<Record<Exclude<FaultKind, 'liar'>, (parts: FaultParts) => void>> = {
  crash({ dice, coordinator, agents }) {
    const awayMs = dice.between(50, dice.chance(0.3) ? 60_000 : 3000)
    if (dice.chance(0.5)) coordinator.crash('killed', awayMs)
    else dice.pick(agents).crash('killed', awayMs)
  },
  power({ dice, coordinator, agents }) {
    const awayMs = dice.between(1000, 60_000)
    if (dice.chance(0.5)) coordinator.crash('power lost', awayMs)
    else dice.pick(agents).crash('power lost', awayMs)
  },
  partition({ dice, network, agents }) {
    const forMs = dice.between(500, dice.chance(0.5) ? 20_000 : 400_000)
    const cut = dice.chance(0.3) ? agents : [dice.pick(agents)]
    const ways = dice.whole(3) // both ways, or one of them
    for (const { name } of cut) {
      if (ways !== 1) network.block(name, 'coordinator', forMs)
      if (ways !== 2) network.block('coordinator', name, forMs)
    }
  },
  slow({ dice, network, schedule, history }) {
    const factor = dice.between(3, 60)
    history.note(`network: ${factor.toFixed(1)} times as slow`)
    network.slow(factor)
    schedule.after(dice.between(5000, 60_000), () => network.slow(1))
  },
  storm({ dice, coordinator, agents, schedule }) {
    coordinator.crash('killed', dice.between(50, 400))
    for (const agent of agents)
      schedule.after(dice.between(0, 2000), () => agent.crash('killed', dice.between(50, 900)))
  },
  clock({ dice, coordinator, agents, history }) {
    const machine = dice.chance(0.5) ? undefined : dice.pick(agents)
    const byMs = dice.between(-1, 1) * (machine === undefined ? HOUR_MS : 10 * YEAR_MS)
    history.note(`${machine?.name ?? 'coordinator'}: its clock jumps by ${(byMs / 1000).toFixed(0)} s`)
    const { clock } = machine ?? coordinator
    clock.offsetMs += byMs
  },
  'full-disk'({ dice, coordinator, agents, schedule, history, excuse }) {
    const machine = dice.chance(0.6) ? undefined : dice.pick(agents)
    const forMs = dice.between(200, 40_000)
    history.note(`${machine?.name ?? 'coordinator'}: its disk is full for ${(forMs / 1000).toFixed(1)} s`)
    const setFull = (isFull: boolean): void => (machine?.disk ?? coordinator).setFull(isFull)
    if (machine !== undefined) excuse() // it declines, and the others may be too few
    setFull(true)
    schedule.after(forMs, () => setFull(false))
  },
  'bit-flip'({ dice, coordinator, agents, history, damaged, excuse }) {
    excuse()
    const machine = dice.chance(0.6) ? coordinator : dice.pick(agents)
    const flipped = machine.disk.flipBit((name) => /\/(blobs|updates|staging|outbox)\//.test(name))
    if (flipped === undefined) return
    history.note(`${'name' in machine ? machine.name : 'coordinator'}: a bit of ${flipped.path} flips`)
    if ('name' in machine) machine.damaged()
    else damaged(flipped.path.replace(/\.\d+\.tmp$/, ''), flipped.held) // once it is written it has that name
  },
  takeover({ dice, coordinator }) {
    coordinator.supersede(dice.between(21_000, 90_000))
  },
  revoke({ dice, agents, revoke, mayRevoke, excuse }) {
    excuse()
    if (mayRevoke()) revoke(dice.pick(agents))
  },
}

/** Kinds as a person lists them. Throws RangeError. */
export function parseFaults(text: string): readonly FaultKind[] {
  if (text === 'none') return []
  return text.split(',').map((name) => {
    const kind = faultKinds.find((known) => known === name.trim())
    if (kind !== undefined) return kind
    throw new RangeError(`--faults expected none or some of ${faultKinds.join(', ')}, got "${name}"`)
  })
}
