/**
 * A real coordinator under attack over real sockets, while an honest agent works on.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HonestAgent, startHonestAgent } from './honest-agent.js'
import { attackLink } from './link-attack.js'
import { createOutcomes, type Outcomes, type Summary } from './outcomes.js'
import { attackRequests } from './request-attack.js'
import { type Memory, type Served, serve } from './served.js'
import { startSlowPeers } from './slow-peers.js'
import { conductRun, startLiar } from './update-attack.js'

/** How hard, and from which seed. */
export interface Siege {
  readonly frames: number // and misuses of the WebSocket among them
  readonly requests: number
  readonly rounds: number // in each of which every liar brings a hostile update
  readonly seed: number
  readonly outlast?: boolean // waits until each slow peer is gone: half a minute
  readonly onProgress?: (words: string) => void
}

/** What became of it. It held when there are no problems. */
export interface Report extends Summary {
  readonly warm: Memory // after a first, smaller attack
  readonly after: Memory
  readonly growth: { readonly residentBytes: number; readonly heldBytes: number } // from one to the other
  readonly answers: number // that the honest agent got
  readonly longestMs: number // that it waited for one of them
  readonly slow: { readonly peers: number; readonly ended: number }
}

const LIARS = 2
const INTRUDERS = 4
const SLOW_EACH = 2 // of each of five kinds
const SLOW_MS = 40_000 // the slowest may stay until it has not answered a ping for 25 s
const SETTLE_MS = 1500

/**
 * What memory may grow by, however much was sent: resident, of which the allocator keeps some, and held by JavaScript, which has to
 * remember the agents that joined and the rounds that were.
 */
export const growthBounds = { residentBytes: 48 * 1024 * 1024, heldBytes: 6 * 1024 * 1024 } as const

/** Attacks a coordinator of its own twice, a quarter as hard at first, and compares what it holds after each. */
export async function besiege(siege: Siege): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-siege-'))
  try {
    await using served = await serve(folder)
    return await conduct(served, siege)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function conduct(served: Served, siege: Siege): Promise<Report> {
  const outcomes = createOutcomes()
  served.watch(({ event, fields }) => {
    if (event === 'fault') outcomes.problem(`a fault in the log: ${fields.stack?.slice(0, 500)}`)
  })
  const honest = await startHonestAgent(served)
  const liars = await Promise.all(
    Array.from({ length: LIARS }, (_, at) => startLiar(served, siege.seed + 101 * (at + 1), outcomes)),
  )
  const less = (count: number) => Math.ceil(count / 4)
  const smaller = { ...siege, frames: less(siege.frames), requests: less(siege.requests) }
  siege.onProgress?.('a first attack, to be warm')
  await attack(
    served,
    honest,
    { ...smaller, rounds: less(siege.rounds), seed: siege.seed + 7919, outlast: false },
    outcomes,
  )
  const warm = await settled(served)
  siege.onProgress?.('the attack')
  const slow = await attack(served, honest, siege, outcomes)
  const after = await settled(served)
  if (!served.isAlive()) outcomes.problem(`the process is gone: ${served.lastWords()}`)
  const { answers, longestMs } = honest.answered()
  const fault = honest.fault()
  if (fault !== undefined) outcomes.problem(`the honest agent: ${fault.message}`)
  honest.leave()
  for (const liar of liars) liar.leave()
  const growth = {
    residentBytes: after.rssBytes - warm.rssBytes,
    heldBytes: after.heapBytes + after.outsideBytes - warm.heapBytes - warm.outsideBytes,
  }
  for (const kind of ['residentBytes', 'heldBytes'] as const)
    if (growth[kind] > growthBounds[kind])
      outcomes.problem(`${kind} grew by ${growth[kind]}, expected at most ${growthBounds[kind]}`)
  return { ...outcomes.summary(), warm, after, growth, answers, longestMs, slow }
}

async function attack(
  served: Served,
  honest: HonestAgent,
  { frames, requests, rounds, seed, outlast = false }: Siege,
  outcomes: Outcomes,
): Promise<Report['slow']> {
  const slow = await startSlowPeers(served, SLOW_EACH)
  const startedMs = performance.now()
  const acts = Math.ceil(frames / INTRUDERS)
  await Promise.all([
    ...Array.from({ length: INTRUDERS }, (_, at) => attackLink(served, { acts, seed: seed + at }, outcomes)),
    attackRequests(served, { acts: requests, seed }, outcomes),
    conductRun(served, honest, rounds, outcomes),
  ])
  while (outlast && slow.open().length > 0 && performance.now() < startedMs + SLOW_MS)
    await new Promise((resolve) => setTimeout(resolve, 100))
  const left = slow.open()
  if (outlast) for (const name of left) outcomes.problem(`a slow peer is still there: ${name}`)
  const result = { peers: slow.count, ended: slow.count - left.length }
  outcomes.sent(slow.sentBytes())
  slow.close()
  return result
}

async function settled(served: Served): Promise<Memory> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  return await served.memory()
}
