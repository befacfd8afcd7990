import { setTimeout as pause } from 'node:timers/promises'
import { limits, type RunView } from '@lorica/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectSameRun, trainingsOf } from './support/disturbed-runs.js'
import { effort } from './support/effort.js'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import type { Line } from './support/service.js'
import { startWeakLink, type WeakLink } from './support/weak-link.js'

const LEASE_MS = 1500
const texts = [siteText(0), siteText(1), siteText(2)]
const darkWays = ['both', 'up', 'down'] as const // of the three agents
const settings = { rounds: 3, steps: 60, deadlineSeconds: effort.partitionSeconds + 120 }

let folder: Folder
const links: WeakLink[] = []
let fleet: Fleet
let undisturbed: RunView
beforeAll(async () => {
  folder = await createFolder()
  fleet = await startFleet({
    folder: folder.path,
    texts,
    serve: ['--lease-ms', String(LEASE_MS)],
    addressOf: async (agent, url) => {
      const link = await startWeakLink(url)
      links[agent] = link
      return link.url
    },
  })
  undisturbed = await fleet.run(settings)
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await Promise.all(links.map((link) => link[Symbol.asyncDispose]()))
  await folder[Symbol.asyncDispose]()
})

test(`a partition of ${effort.partitionSeconds} s in the middle of a round, in both ways or in one, is noticed by both sides and does not lose the round`, {
  timeout: 180_000 + 1000 * effort.partitionSeconds,
}, async () => {
  const noticeMs = limits.pingIntervalMs + limits.pingTimeoutMs
  expect(effort.partitionSeconds * 1000).toBeGreaterThan(noticeMs + LEASE_MS)
  const run = await fleet.start(settings)
  const ended = fleet.operate<RunView>('run', 'watch', run)
  await Promise.all(fleet.agents.map((agent) => agent.until(isTraining(run, 2))))
  const seen = fleet.agents.map(({ lines }) => lines.length)
  for (const [agent, way] of darkWays.entries()) links[agent]?.set(way, { isDark: true })
  await pause(effort.partitionSeconds * 1000)

  const during = fleet.agents.map(({ lines }, agent) => lines.slice(seen[agent]))
  for (const lines of during) {
    expect(lines.filter(({ event }) => event === 'disconnected')).toHaveLength(1)
    expect(lines.some(({ event }) => event === 'connected')).toBe(false)
    expect(lines.some(({ event, step, steps }) => event === 'progress' && step === steps)).toBe(true)
  }
  const { agents } = await fleet.operate<{ agents: readonly { state: string }[] }>('agents', 'list')
  expect(agents.map(({ state }) => state)).not.toContain('connected')

  for (const link of links) link.set('both', { isDark: false })
  expectSameRun(undisturbed, await ended)
  for (const agent of texts.keys())
    expect(trainingsOf(fleet, agent).get(`${run} 2`)).toEqual({ begun: 1, finished: 1 })
})

/** The first step of a round; its assignment was told before. */
function isTraining(run: string, round: number): (line: Line) => boolean {
  let assignmentId: unknown
  return (line) => {
    if (line.event === 'assignment' && line.kind === 'train' && line.runId === run && line.round === round)
      assignmentId = line.assignmentId
    return line.event === 'progress' && line.phase === 'train' && line.assignmentId === assignmentId
  }
}
