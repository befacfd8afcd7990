/**
 * One simulation: a coordinator and its agents, the code that ships, conduct a run while things go wrong.
 * @module
 */
import type { AgentEvent } from '@lorica/agent/embed'
import { readJournal } from '@lorica/coordinator/embed'
import type { Masking } from '@lorica/privacy'
import { LoricaError, type Receipt } from '@lorica/protocol'
import type { AddressParts, Answering } from './address.js'
import { type AgentMachine, createAgentMachine } from './agent-machine.js'
import { createCoordinatorMachine } from './coordinator-machine.js'
import { createDice } from './dice.js'
import { type FaultKind, faults } from './faults.js'
import { createHistory } from './history.js'
import { brokenInvariants, updateFile } from './invariants.js'
import { lyingReach } from './liar.js'
import { comparedLosses } from './measured-losses.js'
import { createNetwork } from './network.js'
import { type Conduct, invite, revoke, startRun } from './operator.js'
import { comparedSums } from './plain-sums.js'
import { createSchedule } from './schedule.js'
import type { Way } from './ways.js'

export interface Setting {
  readonly seed: number
  /** What may go wrong; nothing when empty. */
  readonly faults: readonly FaultKind[]
  /** Whether rounds take late updates; not unless given. */
  readonly mode?: Conduct['mode']
  readonly way?: Way // how updates are aggregated; the mean unless given
  readonly agents?: number // 3, or 5 that sum unseen, unless given
  readonly rounds?: number // 2, or 4 that take late updates, unless given
  readonly slowness?: number // of the last agent: times as long as others; 1 unless given
  /** Whether the disk of the coordinator flushes when it is told to; false to see that it would be noticed. */
  readonly diskFlushes?: boolean
}

/** How a simulation ended. */
export interface Outcome {
  readonly seed: number
  readonly state: 'succeeded' | 'failed' | 'not ended'
  /** What must not be, a sentence each. */
  readonly problems: readonly string[]
  readonly history: readonly string[]
  readonly sha256: string // of the history
  readonly happenings: number
  readonly virtualSeconds: number
  readonly faults: readonly FaultKind[]
  /** The rounds that were released: what was contributed, and what it came to. */
  readonly rounds: readonly {
    readonly contributions: string
    readonly adapterSha256: string
    readonly late: number // contributions of earlier rounds
  }[]
  readonly sums: number // secure sums that were held against the plain ones
  readonly losses: number // of private runs, that were held against what their agents measured
  readonly tooOld: number // seats that were too many releases behind
}

const AGENTS = 3
const SUMMING_AGENTS = 5 // a sum has at least 3, and some may be revoked or away

const agentsOf = (way: Way): number => (way === 'private' ? SUMMING_AGENTS : AGENTS)
const LEASE_MS = 15_000
const TRANSFER = { chunkBytes: 1024, windowChunks: 4 }
const SHARES_BYTES = 160 // of a message with shares for each other agent of a sum
const MOST_FAULTS = 6
const STALENESS = [0, 1, 9] // of the updates that a run takes, by its seed
const USUAL_HAPPENINGS = 1500 // of a run in which nothing goes wrong: faults are spread over as many
const LONGEST_MS = 8 * 3_600_000
const AFTERWARDS_MS = 60_000

/** Simulates. The same setting gives the same outcome, to the byte. */
export async function simulate(setting: Setting): Promise<Outcome> {
  const { seed, faults: kinds, mode = 'sync', way = 'mean', slowness = 1, diskFlushes = true } = setting
  const { rounds = mode === 'sync' ? 2 : 4 } = setting
  const size = setting.agents ?? agentsOf(way)
  const dice = createDice(`simulation ${seed}`)
  const schedule = createSchedule(dice.fork('schedule'))
  const history = createHistory(schedule.nowMs)
  const network = createNetwork({ schedule, dice: dice.fork('network'), history })
  const problems: string[] = []
  const receipts: (Receipt & { agentId: string })[] = []
  const applied: { agent: string; folder: string; disk: AgentMachine['disk'] }[] = []
  const happened: FaultKind[] = []
  const damaged = new Map<string, Uint8Array>()
  const masked = new Map<string, Masking>()
  const faulty = (reason: string): void => void problems.push(`a fault that should not be: ${reason}`)
  let join = ''
  const plan = planOf(kinds, dice.fork('plan'))
  const isLying = plan.some(({ kind }) => kind === 'liar') // the last agent

  const inProcess = (act: (at: Answering) => Promise<void>): void => {
    const at = coordinator.answering()
    at?.process.perform(() => {
      act(at).catch((error: unknown) => {
        if (!(error instanceof LoricaError)) faulty(`operator: ${(error as Error).stack}`)
      })
    })
  }
  const inviteLater = (): void => {
    if (join !== '') return
    inProcess(async (at) => {
      join = await invite(at)
    })
    schedule.after(2000, inviteLater)
  }
  const coordinator = createCoordinatorMachine({
    ...{ schedule, dice: dice.fork('coordinator'), history, leaseMs: LEASE_MS, diskFlushes, faulty },
    started: () => inviteLater(),
  })
  const address: AddressParts = {
    ...{ network, dice: dice.fork('address'), history, answering: coordinator.answering, transfer: TRANSFER },
    promised,
    sent(name, event, inFlightBytes) {
      agents.find((agent) => agent.name === name)?.sending(event)
      const most = TRANSFER.chunkBytes * (TRANSFER.windowChunks + 1) + Math.max(16_384, SHARES_BYTES * size)
      if (inFlightBytes > most)
        problems.push(`I5: ${name} had ${inFlightBytes} bytes on their way, at most ${most}`)
    },
  }
  /** A receipt is a promise: its line and its bytes have to be safe before it leaves. */
  function promised(name: string, carried: unknown): void {
    const { receipt } = (carried ?? {}) as { readonly receipt?: Receipt }
    if (receipt === undefined) return
    const line = coordinator.shelf.lines.findLast(
      (one) => one.line.includes('"type":"update-accepted"') && one.line.includes(receipt.updateSha256),
    )
    if (line === undefined) {
      problems.push(`I1: ${name} was promised ${receipt.updateSha256} before the journal was safe`)
      return
    }
    const { runId, round } = JSON.parse(line.line) as { readonly runId: string; readonly round: number }
    const path = updateFile(runId, round, receipt.updateSha256)
    if (!coordinator.disk.isSafe(path))
      problems.push(`I1: ${name} was promised ${receipt.updateSha256} before its bytes were safe`)
  }
  const told = (agent: AgentMachine, event: AgentEvent): void => {
    const { agentId, disk } = agent
    if (event.event === 'receipt') {
      const { updateSha256, round, acceptedAt } = event
      receipts.push({ agentId, updateSha256, round, acceptedAt })
    }
    if (event.event === 'release-verified') applied.push({ agent: agent.name, folder: event.folder, disk })
  }
  const agents: readonly AgentMachine[] = Array.from({ length: size }, (_, index) =>
    createAgentMachine({
      ...{ index, schedule, dice: dice.fork(`agent ${index}`), history, address, faulty },
      slowness: index === size - 1 ? slowness : 1,
      join: () => join,
      ...(isLying && index === size - 1 ? { reach: lyingReach(dice.fork('liar')) } : {}),
      told: (_name, event) => told(agents[index] as AgentMachine, event),
      masked: (sha256, masking) => void masked.set(sha256, masking),
    }),
  )
  let revoked = 0
  let mayFail = isLying
  const faultParts = {
    ...{ schedule, dice: dice.fork('faults'), history, network, coordinator, agents },
    mayRevoke: () => revoked === 0,
    excuse: () => {
      mayFail = true
    },
    revoke(agent: AgentMachine) {
      revoked++
      history.note(`operator: revokes ${agent.name}`)
      inProcess((at) => revoke(at, agent.agentId))
    },
    damaged: (path: string, held: Uint8Array) => {
      if (!damaged.has(path)) damaged.set(path, held)
    },
  }

  coordinator.start()
  for (const agent of agents) schedule.after(dice.between(100, 3000), agent.start)
  const startLater = (): void => {
    inProcess((at) =>
      startRun(at, {
        mode,
        way,
        rounds,
        agents: setting.agents,
        maxStaleness: STALENESS[seed % STALENESS.length] ?? 0,
      }),
    )
    schedule.after(2000, () => hasRun() || startLater())
  }
  const hasRun = (): boolean =>
    coordinator.shelf.lines.some(({ line }) => line.includes('"type":"run-created"'))
  startLater()
  let seen = 0
  let isEnded = false
  const hasEnded = (): boolean => {
    const { lines } = coordinator.shelf
    for (; seen < lines.length; seen++) isEnded ||= lines[seen]?.line.includes('"type":"run-ended"') ?? false
    return isEnded
  }
  await schedule.run({
    isOver: hasEnded,
    endMs: LONGEST_MS,
    before(number) {
      for (const { kind } of plan.filter((one) => one.at === number)) {
        happened.push(kind)
        if (kind !== 'liar') faults[kind](faultParts)
      }
    },
  })
  const endedAtMs = schedule.nowMs()
  await schedule.run({ isOver: () => false, endMs: endedAtMs + AFTERWARDS_MS })
  if (coordinator.answering() === undefined)
    await schedule.run({
      isOver: () => coordinator.answering() !== undefined,
      endMs: endedAtMs + 10 * AFTERWARDS_MS,
    })

  const { entries } = await readJournal({
    name: 'simulated',
    async *read() {
      yield coordinator.shelf.lines
    },
  })
  const events = entries.map(({ event }) => event)
  const ended = events.find((event) => event.type === 'run-ended')
  if (ended === undefined) problems.push('the run did not end, though everything was well again')
  for (const { name, trainings } of agents)
    for (const { work, wasFinished } of trainings)
      if (wasFinished) problems.push(`${name} trained ${work} again, which it had finished`)
  if (ended !== undefined && ended.state !== 'succeeded' && !mayFail)
    problems.push(`the run failed: ${ended.reason}`)
  const sums = comparedSums(entries, coordinator.disk, masked)
  problems.push(...sums.problems)
  const losses = comparedLosses(
    entries,
    coordinator.disk,
    agents.map(({ agentId }) => agentId),
  )
  problems.push(...losses.problems)
  const answering = coordinator.answering()
  if (answering === undefined) problems.push('no coordinator answers at the end')
  else
    problems.push(
      ...brokenInvariants({
        ...{ entries, receipts, applied, damaged },
        isMean: way === 'mean',
        service: answering.service,
        disk: coordinator.disk,
      }),
    )
  for (const line of problems) history.note(`PROBLEM ${line}`)
  return {
    ...{ seed, problems, history: history.lines(), sha256: history.sha256(), faults: happened },
    state: ended?.state === 'succeeded' ? 'succeeded' : ended === undefined ? 'not ended' : 'failed',
    happenings: schedule.count(),
    sums: sums.compared,
    losses: losses.compared,
    virtualSeconds: endedAtMs / 1000,
    tooOld: events
      .flatMap((event) => (event.type === 'round-planned' ? (event.over ?? []) : []))
      .filter(({ code }) => code === 'LRC-4017').length,
    rounds: events.flatMap((event) =>
      event.type === 'round-committed' && event.record.release !== null
        ? [
            {
              contributions: event.record.contributions.map(({ updateSha256 }) => updateSha256).join(),
              adapterSha256: event.record.adapterSha256,
              late: event.record.contributions.filter(({ late }) => late !== undefined).length,
            },
          ]
        : [],
    ),
  }
}

/** What goes wrong when, by the number of the happening before which it does. */
function planOf(
  kinds: readonly FaultKind[],
  dice: ReturnType<typeof createDice>,
): readonly { readonly at: number; readonly kind: FaultKind }[] {
  if (kinds.length === 0) return []
  return Array.from({ length: 1 + dice.whole(MOST_FAULTS) }, () => ({
    at: dice.whole(USUAL_HAPPENINGS),
    kind: dice.pick(kinds),
  }))
}
