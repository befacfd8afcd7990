import { setTimeout as pause } from 'node:timers/promises'
import { createRandom } from '@lorica/peft-core'
import type { RunView } from '@lorica/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { disturbRuns, trainingsOf } from './support/disturbed-runs.js'
import { effort } from './support/effort.js'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import { points, strikeAt } from './support/points.js'
import { startWeakLink, type WeakLink } from './support/weak-link.js'

const settings = { rounds: 5, steps: 20 }
const MOST_PAUSE_MS = 2500 // between a start of the coordinator and its end; a round takes about as long
const MOST_GRACE_MS = 30 // between a message and the end of a process that read it
const texts = [siteText(1), siteText(3)]

let folder: Folder
let link: WeakLink // of the first agent
let fleet: Fleet
let undisturbed: RunView
beforeAll(async () => {
  folder = await createFolder()
  fleet = await startFleet({
    folder: folder.path,
    texts,
    addressOf: async (agent, url) => {
      if (agent !== 0) return url
      link = await startWeakLink(url)
      return link.url
    },
  })
  undisturbed = await fleet.run(settings)
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await link[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const timeout = (kills: number) => ({ timeout: 120_000 + 20_000 * kills })

test('a coordinator that is killed at random moments of five rounds makes the same adapter, and no agent trains twice', {
  ...timeout(effort.kills),
}, async () => {
  const random = createRandom(effort.seed, 'moments')
  let kills = 0
  const runs = await disturbRuns(fleet, settings, undisturbed, async (over) => {
    while (kills < effort.kills) {
      await pause(random.uniform() * MOST_PAUSE_MS)
      if (over.aborted) return 'more'
      await fleet.restartCoordinator()
      kills++
    }
    return 'enough'
  })
  say(`${kills} kills in ${runs} runs`)
  for (const agent of texts.keys()) expectTrainedOnce(agent)
})

test('a coordinator that is killed at any message makes the same adapter, and no agent trains twice', {
  ...timeout(effort.points),
}, async () => {
  await killAtPoints('coordinator')
  for (const agent of texts.keys()) expectTrainedOnce(agent)
  const { agents } = await fleet.operate<{ agents: readonly { state: string }[] }>('agents', 'list')
  expect(agents.map(({ state }) => state)).toEqual(['connected', 'connected'])
})

test('an agent that is killed at any message starts again without a token, and never trains what it has finished', {
  ...timeout(effort.points),
}, async () => {
  await killAtPoints('agent')
  expectTrainedOnce(1)
})

test('every process of the fleet stops politely', async () => {
  const services = [...fleet.agents, fleet.coordinator()]
  const ended = await Promise.all(services.map((service) => service.stop('SIGTERM')))
  expect(ended.map(({ status }) => status)).toEqual([0, 0, 0])
})

async function killAtPoints(victim: 'coordinator' | 'agent'): Promise<void> {
  const random = createRandom(effort.seed, victim)
  const left = sample(points, effort.points, () => random.uniform())
  const offered = new Set<unknown>() // assignments whose update the agent has
  const trainedAgain: unknown[] = []
  const rest = link.watch((_, { name, body: { assignmentId, phase } }) => {
    if (name === 'update.open') offered.add(assignmentId)
    if (name === 'progress' && phase === 'train' && offered.has(assignmentId)) trainedAgain.push(assignmentId)
    return 'pass'
  })
  let misses = 0
  const runs = await disturbRuns(fleet, settings, undisturbed, async (over) => {
    for (let point = left[0]; point !== undefined; point = left[0]) {
      const { child } =
        victim === 'coordinator' ? fleet.coordinator() : (fleet.agents[0] as Fleet['agents'][0])
      const graceMs = random.uniform() * MOST_GRACE_MS
      const strike = () => void child.kill('SIGKILL')
      if (!(await strikeAt(link, point, { graceMs, strike, over }))) {
        misses++
        if (misses > 2) throw new Error(`no message passed that is ${point.moment} "${point.message}"`)
        return 'more'
      }
      misses = 0
      await (victim === 'coordinator' ? fleet.restartCoordinator() : fleet.restartAgent(0))
      left.shift()
    }
    return 'enough'
  })
  rest()
  expect(trainedAgain).toEqual([])
  expect(offered.size).toBe(runs * settings.rounds)
  say(`${victim} killed at ${effort.points} of ${points.length} points in ${runs} runs`)
}

/** `count` of the elements, drawn without repeats; all of them in their order when there are no more. */
function sample<T>(from: readonly T[], count: number, draw: () => number): T[] {
  if (count >= from.length) return [...from]
  const left = [...from]
  return Array.from({ length: count }, () => left.splice(Math.floor(draw() * left.length), 1)[0] as T)
}

function expectTrainedOnce(agent: number): void {
  const trainings = [...trainingsOf(fleet, agent)]
  expect(trainings.length % settings.rounds).toBe(0)
  expect(trainings.length).toBeGreaterThan(settings.rounds)
  for (const [round, counts] of trainings) expect([round, counts]).toEqual([round, { begun: 1, finished: 1 }])
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
