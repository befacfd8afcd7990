/**
 * One secure sum over real sockets: a coordinator, and agents in processes of their own, all of them the code that ships, of which some
 * fall silent before each step. What the coordinator then has is held against the sum of what the others had below their masks.
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RoundView, RunView } from '@lorica/protocol'
import { modelFolder } from '../fuzz/adapter.js'
import { type Served, serve } from '../fuzz/served.js'
import { type Step, steps } from './member.js'
import { packedSum } from './plain.js'
import type { SiteNews, SiteTask } from './site.js'

export interface Cohort {
  readonly agents: number
  readonly silent: number // before each of the five steps
  readonly processes: number
  readonly leaseMs: number
}

/** How a sum went. `isExact`: the bytes that the coordinator has are those of the plain sum. */
export interface Summed {
  readonly agents: number
  readonly state: RunView['state']
  readonly reason: string | null
  readonly attempts: number
  readonly keys: number
  readonly shares: number
  readonly survivors: number
  readonly confirmations: number
  readonly elements: number
  readonly isExact: boolean
  readonly sumMs: number | null // from the keys to the sum
  readonly unmaskMs: number | null
  readonly agentCpuMs: number // of one agent, to the end, with its start
}

type Masked = Extract<SiteNews, { kind: 'masked' }>

/** Sums once. */
export async function sumOnce(cohort: Cohort): Promise<Summed> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-sums-'))
  const sites: ChildProcess[] = []
  try {
    await using served = await serve(folder, ['--lease-ms', String(cohort.leaseMs)])
    const masked = new Map<string, Masked>() // by agentId
    await Promise.all(
      tasksOf(cohort, served.join, folder).map(async (task) => {
        const site = fork(program, { serialization: 'advanced' })
        sites.push(site)
        site.on('message', (news: SiteNews) => news.kind === 'masked' && masked.set(news.agentId, news))
        site.send(task)
        await heard(site, 'ready')
      }),
    )
    const before = await cpuOf(sites)
    const run = await conducted(served, cohort)
    const cpuMs = (await cpuOf(sites)) - before
    const round = (await asked(served, `/api/v1/runs/${run.run}/rounds/1`)) as RoundView
    const sum = round.attempts.at(-1)?.sum
    const counted = run.rounds[0]?.contributions.map(({ agentId }) => agentId) ?? []
    const inputs = counted.flatMap((agentId) => masked.get(agentId) ?? [])
    const isWhole = counted.length > 0 && inputs.length === counted.length
    const expected = isWhole
      ? packedSum(
          inputs.map(({ plain }) => plain),
          inputs[0]?.bits ?? 32,
        )
      : undefined
    return {
      ...{ agents: cohort.agents, state: run.state, reason: run.reason, attempts: round.attempts.length },
      ...{ keys: sum?.keys ?? 0, shares: sum?.shares ?? 0, survivors: sum?.survivors ?? 0 },
      ...{ confirmations: sum?.confirmations ?? 0, elements: inputs[0]?.plain.length ?? 0 },
      isExact:
        expected !== undefined && (await holds(join(folder, 'coordinator', 'updates', run.run), expected)),
      ...{ sumMs: sum?.ms ?? null, unmaskMs: sum?.unmaskMs ?? null, agentCpuMs: cpuMs / cohort.agents },
    }
  } finally {
    for (const site of sites) site.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
}

const program = fileURLToPath(new URL('../../dist/sums/site.js', import.meta.url))

function tasksOf({ agents, silent, processes }: Cohort, link: string, folder: string): readonly SiteTask[] {
  const members = Array.from({ length: agents }, (_, index): SiteTask['members'][number] => {
    const step: Step | undefined = steps[Math.floor(index / Math.max(1, silent))]
    return { index, silentBefore: silent > 0 ? step : undefined }
  })
  return Array.from({ length: processes }, (_, at) => ({
    ...{ join: link, folder },
    members: members.filter(({ index }) => index % processes === at),
  }))
}

async function conducted(served: Served, { agents, silent }: Cohort): Promise<RunView> {
  const least = agents - steps.length * silent
  const { run } = (await asked(served, '/api/v1/runs', {
    name: 'sum',
    base: { model: fileURLToPath(modelFolder) },
    peft: { rank: 2, alpha: 4, targets: ['q_proj', 'v_proj'] },
    data: { maxTokens: 4 },
    local: { steps: 2, batch: 1, learningRate: 1e-3 },
    aggregate: { trust: 'private' },
    privacy: { clip: 100, secureAggregation: { minSurvivors: least, colluding: 0 } },
    rounds: { count: 1, minimum: agents, deadline: '10m' },
    evaluate: { holdout: 0 },
    seed: 7,
  })) as RunView
  for (;;) {
    const view = (await asked(served, `/api/v1/runs/${run}`)) as RunView
    const { state } = view
    const isOver = state === 'succeeded' || state === 'failed' || state === 'cancelled'
    if (isOver || view.state === 'waiting') return view // it waits for agents that will not come back: the sum failed
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

async function asked({ url, adminToken }: Served, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${url}${path}`, {
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  const answer: unknown = await response.json()
  if (!response.ok) throw new Error(JSON.stringify(answer))
  return answer
}

async function heard<K extends SiteNews['kind']>(site: ChildProcess, kind: K) {
  for (;;) {
    const [news] = (await Promise.race([
      once(site, 'message'),
      once(site, 'exit').then(() => Promise.reject(new Error('a process of agents ended'))),
    ])) as [SiteNews]
    if (news.kind === kind) return news as Extract<SiteNews, { kind: K }>
  }
}

async function cpuOf(sites: readonly ChildProcess[]): Promise<number> {
  let cpuMs = 0
  for (const site of sites) {
    const answer = heard(site, 'cost')
    site.send('cost')
    cpuMs += (await answer).cpuMs
  }
  return cpuMs
}

/** Whether a folder of updates has a file with these bytes. */
async function holds(folder: string, bytes: Uint8Array): Promise<boolean> {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const paths = await readdir(folder, { recursive: true })
  return paths.some((path) => path.endsWith(`${sha256}.safetensors`))
}
