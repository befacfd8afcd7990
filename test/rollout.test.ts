import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createRandom } from '@lorica/peft-core'
import type { RolloutDetail } from '@lorica/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Asking, askWithout } from './support/asking.js'
import { effort } from './support/effort.js'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import { type Line, programs, type Service, startService } from './support/service.js'

const MOST_PAUSE_MS = 2500 // between a start of the coordinator and its end
const agents = Array.from({ length: effort.serving }, (_, at) => at)
const siteOf = (agent: number) => (agent < effort.serving / 2 ? 'turin' : 'oslo')

/** What the cohort in Oslo writes: nothing of what the others do. */
const osloText = Array.from(
  { length: 60 },
  (_, at) =>
    `Price of ${at + 3} barrels: ${7 * at} crowns, ${at % 9} shillings; paid by letter ${at * at}, second quarter.`,
).join('\n\n')

const plan = {
  groups: [
    { size: 1, where: 'label.site == turin', name: 'canary' },
    { size: '100%', where: 'label.site == turin', name: 'Turin' },
    { size: '40%', where: 'label.site == oslo', name: 'Oslo' },
    '100%',
  ],
  soak: '200ms',
  analysis: [{ metric: 'loss', worseBy: '1%', least: 3, whenInconclusive: 'next' }, { metric: 'failures' }],
}
const steps = ['created', ...['group-opened', 'soaking', 'group-opened', 'soaking', 'group-opened']]

let folder: Folder
let fleet: Fleet
let asked: readonly Asking[] = []
const serving: Service[] = []
beforeAll(
  async () => {
    folder = await createFolder()
    fleet = await startFleet({
      folder: folder.path,
      texts: agents.map((agent) => (siteOf(agent) === 'oslo' ? osloText : siteText(agent % 5))),
      join: (agent) => [
        '--base',
        join(folder.path, 'model'),
        '--label',
        `site=${siteOf(agent)}`,
        '--label',
        `at=a${agent}`,
      ],
    })
    const last = effort.serving - 1
    const both = { rounds: 1, minimum: 2, where: `label.at in (a0, a${last})` }
    await fleet.run({ ...both, steps: 3 })
    await fleet.run({ ...both, steps: 12, seed: 12 })
    const one = { rounds: 1, minimum: 1, where: 'label.at == a0' }
    await fleet.run({ ...one, steps: 24, seed: 13, learningRate: 0.1 })
    await api('aliases/champion', { release: 'v1' })
    for (const at of agents)
      serving.push(
        startService(programs.agent, [
          ...['serve', '--dir', fleet.folders.agent(at), '--port', '0', '--threads', '1', '--json'],
        ]),
      )
    const urls = await Promise.all(
      serving.map(async (one) => (await one.until(({ event }) => event === 'serving')).url as string),
    )
    asked = urls.map(askWithout)
  },
  60_000 + 40_000 * effort.serving,
)
afterAll(async () => {
  await Promise.all(asked.map((one) => one.end()))
  await Promise.all(serving.map((one) => one.stop('SIGTERM')))
  await fleet[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

async function api<T>(path: string, body?: unknown): Promise<T> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const headers = { authorization: `Bearer ${fleet.adminToken}`, 'content-type': 'application/json' }
  const response = await fetch(`${fleet.url}/api/v1/${path}`, { ...init, headers })
  const answer: unknown = await response.json()
  if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`)
  return answer as T
}

const ended = ['done', 'aborted', 'undone', 'paused']
/** Kills the coordinator at random moments of a rollout, and returns how it ended. */
async function rollOut(release: string, kill: (isOver: () => boolean) => Promise<void>) {
  for (const one of asked) one.begin()
  const { rollout } = await api<RolloutDetail>('rollouts', { release, plan })
  const place = ['--url', fleet.url, '--token', fleet.adminToken]
  await using watch = startService(programs.lorica, ['rollout', 'watch', rollout, '--json', ...place])
  let detail: RolloutDetail | undefined
  const isOver = () => ended.includes(detail?.state ?? '')
  const killing = kill(isOver)
  while (!isOver()) {
    detail = await api<RolloutDetail>(`rollouts/${rollout}`).catch(() => detail)
    await pause(100)
  }
  await killing
  const over = await api<RolloutDetail>(`rollouts/${rollout}`)
  expect((await watch.ended).status).toBe(over.state === 'done' ? 0 : 1)
  expect(toldBy(watch.lines)).toEqual([...over.history, 'end'])
  return over
}

/** The story that `rollout watch` told: what there was when it began to look, each step once, and the end. */
function toldBy(lines: readonly Line[]): readonly unknown[] {
  return lines.flatMap(({ type, rollout: _, history, ...line }) => {
    if (type === 'rollout') return history
    return type === 'step' ? [line] : type === 'end' ? ['end'] : []
  })
}

const seen = () => asked.map((one) => one.last())
const everywhere = (release: string) => agents.map(() => release)
const story = (detail: RolloutDetail) => detail.history.map(({ what }) => what)

test('a better release reaches everybody, one that is worse in a cohort goes back, both by themselves while the coordinator is killed, and no request fails', {
  timeout: 120_000 + 30_000 * (effort.rolloutKills + effort.serving),
}, async () => {
  const random = createRandom(effort.seed, 'moments of rollouts')
  const undoneMs: number[] = []
  let kills = 0
  let round = 0
  const kill = async (isOver: () => boolean) => {
    const most = round === 0 ? 1 : Number.POSITIVE_INFINITY
    for (let own = 0; own < most && kills < effort.rolloutKills; own++) {
      await pause(random.uniform() * MOST_PAUSE_MS)
      if (isOver()) return
      await fleet.restartCoordinator()
      kills++
    }
  }
  for (; round === 0 || kills < effort.rolloutKills; round++) {
    const better = await rollOut('v2', kill)
    process.stderr.write(`${better.rollout}: ${better.state}, ${kills} kills\n`)
    expect([better.state, better.reason]).toEqual(['done', null])
    expect(story(better)).toEqual([...steps, 'soaking', 'group-opened', 'soaking', 'done'])
    await expect.poll(seen, { timeout: 20_000 }).toEqual(everywhere('v2'))
    for (const one of asked) expect(one.answered()).toEqual(['v1', 'v2'])
    expect(better.agents.map(({ has, isServed }) => [has, isServed])).toEqual(agents.map(() => ['v2', true]))
    expect(better.metrics[0]?.difference).toBeLessThan(0)

    const worse = await rollOut('v3', kill)
    process.stderr.write(`${worse.rollout}: ${worse.state}, ${kills} kills\n`)
    expect(worse).toMatchObject({ state: 'aborted', group: 3 })
    expect(worse.reason).toContain('loss of group 3')
    expect(story(worse).filter((what, at) => at < steps.length || what !== 'soaking')).toEqual([
      ...steps,
      'aborted',
    ])
    const { history } = await fleet.operate<RolloutDetail>('rollout', 'history', worse.rollout)
    expect(history).toEqual(worse.history) // what the console asks for too
    expect(worse.history.at(-1)?.evidence?.some(({ verdict }) => verdict === 'fail')).toBe(true)
    await expect.poll(seen, { timeout: 20_000 }).toEqual(everywhere('v2'))
    const exposed = new Map(worse.agents.map(({ name, group }) => [name, group <= 3]))
    for (const [at, one] of asked.entries())
      expect(one.answered()).toEqual(exposed.get(`site-${at}`) ? ['v2', 'v3', 'v2'] : ['v2'])

    for (const one of asked) one.begin()
    const told = fleet.agents.map(({ lines }) => lines.length)
    const beganMs = Date.now()
    await api<RolloutDetail>(`rollouts/${better.rollout}/undo`, {})
    await expect.poll(seen, { timeout: 20_000, interval: 20 }).toEqual(everywhere('v1'))
    undoneMs.push(Date.now() - beganMs)
    for (const one of asked) expect(one.answered()).toEqual(['v2', 'v1'])
    for (const [at, agent] of fleet.agents.entries()) {
      const isBack = (line: Line) =>
        line.event === 'target-applied' &&
        line.name === 'v1' &&
        agent.lines.indexOf(line) >= (told[at] as number)
      const back = await agent.until(isBack) // a moment after requests are answered by it
      expect(back).toMatchObject({ isServed: true, downloadedBytes: 0 })
    }
  }
  const requests = asked.reduce((sum, one) => sum + one.count(), 0)
  process.stderr.write(
    `${kills} kills in ${2 * round} rollouts to ${agents.length} agents, ${requests} requests, undone in ${undoneMs.join(', ')} ms\n`,
  )
})
