/**
 * A fleet without a network: a real ledger and director, agents that verify every target with its signature, and a clock that tests move.
 * @module
 */
import {
  type Assignment,
  type EvaluateAssignment,
  type LoricaError,
  parseRunSpec,
  type ReleaseView,
  type TargetMessage,
  targetSha256,
  verifyTarget,
} from '@lorica/protocol'
import type { Clock } from '../clock.js'
import { createRoster, type Presence } from '../fleet/roster.js'
import { openJournal } from '../journal/journal.js'
import { type Ledger, openLedger } from '../ledger.js'
import { systemRandom } from '../random.js'
import type { Parts } from '../rounds/parts.js'
import { createShelf, openMemory } from '../store/memory.js'
import type { Answer, Webhooks } from './calling.js'
import { type Director, startDirector } from './director.js'
import { base, identity, registryOf, releaseOf, START_MS } from './releases.fixture.js'

/** What agents here say of their predictions, of which nothing depends on it. */
const PREDICTIONS = {
  right: 0,
  calibration: Array.from({ length: 10 }, (_, at) => ({
    labels: at === 0 ? 1000 : 0,
    confidence: 0,
    right: 0,
  })),
}

/** An agent as the world knows it. */
export interface WorldAgent {
  readonly agentId: string
  readonly name: string
  isConnected: boolean
  held: { readonly serial: number; readonly sha256: string; readonly release: string } | null
  refusals: string[] // codes of targets that it refused
  /** What becomes of a release here. */
  manner: (release: string) => 'applies' | 'fails' | 'keeps silent'
  /** Losses of held-out rows under a release; the others are those of the champion. */
  losses: (release: string) => readonly number[]
}

export interface World {
  /** What the webhook `ci` answers, and what it was sent. */
  readonly hook: {
    answer: () => Answer | 'never'
    readonly sent: { readonly id: string; readonly body: string }[]
  }
  readonly agents: readonly WorldAgent[]
  director(): Director
  ledger(): Ledger
  /** Lets what was sent be answered, and time pass. */
  settle(ms?: number): Promise<void>
  /** The coordinator dies, with all that was not yet safe, and starts again from its journal. */
  kill(): Promise<void>
  connect(agent: WorldAgent): void
  disconnect(agent: WorldAgent): void
  /** The release that an agent has. */
  has(agent: WorldAgent): string | null
  release(name: string): ReleaseView
  lines(): readonly string[]
}

/** A fleet of so many agents, by name `a00`, …, of which every second has the label `site=oslo`, with the releases v1, v2, v3 and v1 as its champion, or none. */
export async function startWorld(count: number, champion: 'v1' | null = 'v1'): Promise<World> {
  const shelf = createShelf()
  let nowMs = START_MS
  let timers: { readonly act: () => void; readonly atMs: number }[] = []
  const clock: Clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, act) {
      const timer = { act, atMs: nowMs + delayMs }
      timers.push(timer)
      return () => {
        timers = timers.filter((one) => one !== timer)
      }
    },
    every: () => () => {},
  }
  const registry = registryOf([1, 2, 3].map(releaseOf))
  const agents: WorldAgent[] = Array.from({ length: count }, (_, at) => ({
    agentId: at.toString(16).padStart(32, '0'),
    name: `a${String(at).padStart(2, '0')}`,
    ...{
      isConnected: true,
      held: null,
      refusals: [],
      manner: () => 'applies' as const,
      losses: () => [2, 2, 2, 2],
    },
  }))
  const roster = createRoster()
  const hook: World['hook'] = {
    answer: () => ({ kind: 'answered', text: '{"decision":"proceed"}' }),
    sent: [],
  }
  const webhooks: Webhooks = {
    names: ['ci'],
    async post({ id, body }) {
      hook.sent.push({ id, body })
      const answer = hook.answer()
      return answer === 'never' ? new Promise(() => {}) : answer
    },
  }
  let ledger: Ledger
  let director: Director
  let epoch = 0
  let life = 0

  const follow = (agent: WorldAgent, message: TargetMessage): void => {
    if (!agent.isConnected) return
    const born = life
    try {
      const known = agent.held ?? undefined
      const accept = { fleet: identity.id, known, nowMs }
      const target = verifyTarget(message, identity.publicKey, accept)
      const manner = agent.manner(target.release.name)
      if (manner === 'keeps silent') return
      if (manner === 'applies')
        agent.held = { serial: target.serial, sha256: targetSha256(message), release: target.release.name }
      else if (agent.held !== null)
        agent.held = { ...agent.held, serial: target.serial, sha256: targetSha256(message) }
      const reason = manner === 'fails' ? { code: 'LRC-6026', message: 'it does not answer' } : null
      queueMicrotask(() => {
        if (born !== life) return
        director.reported(agent.agentId, {
          ...{
            serial: target.serial,
            releaseId: target.release.id,
            isServed: true,
            downloadedBytes: 0,
            switchMs: 1,
          },
          ...{ outcome: manner === 'fails' ? 'failed' : 'applied', reason },
        })
        const none = { requests: 0, failures: 0, seconds: 0, secondsSquared: 0 }
        if (manner === 'applies')
          director.served(agent.agentId, {
            ...{ serial: target.serial, releaseId: target.release.id, now: none, before: null },
          })
      })
    } catch (error) {
      agent.refusals.push((error as LoricaError).code)
    }
  }
  const measure = (agent: WorldAgent, assignment: EvaluateAssignment): void => {
    const born = life
    const [release, against] = [assignment.adapter, assignment.against].map((one) => `v${one?.version}`) as [
      string,
      string,
    ]
    const [ours, theirs] = [agent.losses(release), agent.losses(against)]
    const differences = ours.map((loss, at) => loss - (theirs[at] ?? 0))
    queueMicrotask(() => {
      if (born !== life) return
      director.evaluated(agent.agentId, {
        ...{ assignmentId: assignment.assignmentId, lossSum: 1, tokens: theirs.length, evaluateMs: 1 },
        comparison: {
          ...{
            adapter: PREDICTIONS,
            against: PREDICTIONS,
            accuracy: { count: ours.length, sum: 0, sumOfSquares: 0 },
          },
          againstLossSum: theirs.reduce((sum, one) => sum + one, 0),
          loss: {
            count: ours.length,
            sum: differences.reduce((sum, one) => sum + one, 0),
            sumOfSquares: differences.reduce((sum, one) => sum + one * one, 0),
          },
        },
      })
    })
  }
  const presenceOf = (agent: WorldAgent): Presence => ({
    ...{ agentId: agent.agentId, name: agent.name, labels: {} },
    hello: {
      ...{ protocol: 2, software: 'test', dataset: { documents: 5 } },
      device: { kind: 'cpu', threads: 1, memoryBytes: 1 },
    },
    async sendAssignment(assignment: Assignment) {
      if (assignment.kind === 'evaluate') measure(agent, assignment)
    },
    async sendTarget(message) {
      follow(agent, message)
    },
    sendTrust: async () => {},
    sendRelease: async () => {},
    sendRunEnded: async () => {},
    sendSum: async () => {},
  })
  const connect = (agent: WorldAgent): void => {
    agent.isConnected = true
    const presence = presenceOf(agent)
    roster.add(presence)
    director.arrived(presence)
  }
  const disconnect = (agent: WorldAgent): void => {
    agent.isConnected = false
    const presence = roster.find(agent.agentId)
    if (presence !== undefined) roster.remove(presence)
    director.departed(agent.agentId)
  }
  const open = async (): Promise<void> => {
    const store = openMemory(shelf, { now: () => nowMs, isRunning: () => false })
    epoch = await store.lead({ holder: `life ${life}`, host: 'test', pid: 1, leaseMs: 1e9 } as never)
    const { journal, entries } = await openJournal(store, epoch, clock)
    ledger = openLedger(journal, entries, clock)
  }
  const direct = (): void => {
    const parts = {
      webhooks,
      ledger,
      roster,
      registry,
      clock,
      identity,
      log: () => {},
      trust: { renew: async () => false },
      random: systemRandom(),
    }
    director = startDirector(parts as unknown as Parts)
  }
  await open()
  for (const { agentId, name } of agents)
    ledger!.record({
      ...{ type: 'agent-joined', agentId, name, publicKey: name, secretSha256: 's', isApproved: true },
      labels: Number(name.slice(1)) % 2 === 0 ? { site: 'oslo' } : {},
    })
  const spec = parseRunSpec({
    ...{ name: 'tone', base: { model: '/m' }, data: { maxTokens: 64 }, rounds: { count: 1 } },
    local: { steps: 1, batch: 1, learningRate: 1e-3 },
  })
  const first = [{ path: 'adapter_model.safetensors', sha256: '0'.repeat(64), sizeBytes: 9 }]
  const pinned = { path: '/m', folder: '/m', name: 'tiny', sha256: base.sha256, files: [] }
  ledger!.record({ type: 'run-created', runId: 'tone-1', spec, seed: 1, base: pinned, files: [...first] })
  if (champion !== null) ledger!.record({ type: 'alias-moved', alias: 'champion', release: champion })
  direct()
  for (const agent of agents) connect(agent)
  const breathe = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  const world: World = {
    agents,
    hook,
    director: () => director,
    ledger: () => ledger,
    async settle(ms = 0) {
      await breathe()
      const untilMs = nowMs + ms
      const leastMs = ms / 20 // between two looks, so that days pass quickly
      const ring = async (): Promise<void> => {
        const due = timers.filter(({ atMs }) => atMs <= nowMs)
        timers = timers.filter(({ atMs }) => atMs > nowMs)
        for (const { act } of due) act()
        await breathe()
      }
      for (;;) {
        const nextMs = Math.min(...timers.map(({ atMs }) => atMs))
        if (nextMs > untilMs) break
        nowMs = Math.min(untilMs, Math.max(nowMs + leastMs, nextMs))
        await ring()
        if (nowMs === untilMs && timers.every(({ atMs }) => atMs > nowMs)) break
      }
      nowMs = untilMs
      await ring()
    },
    async kill() {
      life++
      director.stop()
      timers = []
      for (const presence of roster.all()) roster.remove(presence)
      await open()
      direct()
      for (const agent of agents) if (agent.isConnected) connect(agent)
    },
    ...{ connect, disconnect },
    has: ({ held }) => held?.release ?? null,
    release: (name) => registry.find(name) as ReleaseView,
    lines: () => shelf.lines.map(({ line }) => line),
  }
  await world.settle()
  return world
}
