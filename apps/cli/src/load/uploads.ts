import type { RunView } from '@lorica/protocol'
import { type Api, createApi } from '../fleet/api.js'
import type { Child } from './child.js'
import type { Uploaded } from './generator.js'
import {
  type MeasuredCoordinator,
  startBareServer,
  startGenerator,
  startMeasuredCoordinator,
} from './processes.js'
import { runOf } from './rounds.js'
import type { Usage } from './usage.js'

/** Uploads of one number of agents at once, beside the bare server. */
export interface UploadsResult {
  readonly agents: number
  readonly updateBytes: number
  readonly loricaMBps: number // median
  readonly bareMBps: number // median
  readonly ratio: number // median of the ratios of the repetitions
  readonly repetitions: readonly { readonly lorica: number; readonly bare: number; readonly ratio: number }[]
}

/** All uploads, and what they cost the coordinator. */
export interface UploadLoad {
  readonly uploads: readonly UploadsResult[]
  readonly memory: {
    readonly beforeBytes: number
    readonly peakBytes: number // of the coordinator, resident, over all uploads
  }
  readonly cpuMsPerMB: { readonly lorica: number; readonly bare: number } // of the receiving process, over the uploads of all agents at once
  readonly roundSeconds: number // of a round of all agents, beyond the upload: checked, folded, signed
}

interface Plan {
  readonly model: string
  readonly rank: number
  readonly agents: number
  readonly repetitions: number
  readonly budgetMB: number | undefined
}

const ALONE_TURNS = 3 // repetitions of one agent for each of all agents: one upload is short

/** Measures uploads of one agent and of all agents at once, the coordinator and the bare server taking turns. */
export async function measureUploads(
  folder: string,
  plan: Plan,
  onProgress: (text: string) => void,
): Promise<UploadLoad> {
  const settings = plan.budgetMB === undefined ? [] : ['--upload-budget-mb', String(plan.budgetMB)]
  await using coordinator = await startMeasuredCoordinator(folder, settings)
  await using bare = startBareServer(folder)
  await using load = startGenerator()
  await load.ask({ act: 'connect', join: coordinator.join, from: 0, count: plan.agents })
  await load.ask({ act: 'bare-connect', port: await bare.ask<number>({ act: 'port' }), count: plan.agents })
  const api = createApi({ url: coordinator.url, token: coordinator.adminToken })
  const sides = { load, bare, coordinator, api, plan }
  const alone = await turns(sides, { agents: 1, count: ALONE_TURNS * plan.repetitions }, onProgress)
  const before = await coordinator.usage(true)
  const bareBefore = await bare.ask<Usage>({ act: 'usage' })
  const together = await turns(sides, { agents: plan.agents, count: plan.repetitions }, onProgress)
  const after = await coordinator.usage()
  const bareAfter = await bare.ask<Usage>({ act: 'usage' })
  const sentMB = (together.result.updateBytes * plan.agents * (plan.repetitions + 1)) / 1e6
  return {
    uploads: [alone.result, together.result],
    memory: { beforeBytes: before.rssBytes, peakBytes: after.peakRssBytes },
    cpuMsPerMB: {
      lorica: (after.cpuMs - before.cpuMs - together.foldingCpuMs) / sentMB,
      bare: (bareAfter.cpuMs - bareBefore.cpuMs) / sentMB,
    },
    roundSeconds: together.roundSeconds,
  }
}

interface Sides {
  readonly load: Child
  readonly bare: Child
  readonly coordinator: MeasuredCoordinator
  readonly api: Api
  readonly plan: Plan
}

interface Turns {
  readonly result: UploadsResult
  readonly roundSeconds: number
  readonly foldingCpuMs: number // of the coordinator, between the uploads
}

async function turns(
  { load, bare, coordinator, api, plan }: Sides,
  { agents, count }: { readonly agents: number; readonly count: number },
  onProgress: (text: string) => void,
): Promise<Turns> {
  const where = agents === 1 ? { where: 'label.seat = first' } : {}
  const { run: runId } = await api.post<RunView>('/api/v1/runs', {
    ...runOf(`uploads-of-${agents}`, plan.model, plan.rank),
    rounds: { count: count + 1, minimum: agents, ...where },
    evaluate: { holdout: 0 },
  })
  const repetitions: { lorica: number; bare: number; ratio: number }[] = []
  const beyond: number[] = []
  let updateBytes = 0
  let foldingCpuMs = 0
  for (let turn = 0; turn <= count; turn++) {
    onProgress(`uploads of ${agents}: ${turn === 0 ? 'warming up' : `turn ${turn} of ${count}`} …`)
    const sides = {
      lorica: async () => {
        await load.ask({ act: 'assigned', agents, round: turn + 1 })
        const uploaded = await load.ask<Uploaded>({ act: 'upload' })
        updateBytes = uploaded.bytes / agents
        const startedMs = performance.now()
        const { cpuMs } = await coordinator.usage()
        await roundsDone(api, runId, turn + 1)
        foldingCpuMs += (await coordinator.usage()).cpuMs - cpuMs
        beyond.push((performance.now() - startedMs) / 1000)
        return speedOf(uploaded)
      },
      bare: async () => {
        const uploaded = await load.ask<Uploaded>({ act: 'bare-upload', count: agents })
        await bare.ask({ act: 'clear' })
        return speedOf(uploaded)
      },
    }
    const measured = { lorica: 0, bare: 0 }
    const order = turn % 2 === 0 ? (['lorica', 'bare'] as const) : (['bare', 'lorica'] as const)
    for (const side of order) measured[side] = await sides[side]()
    if (turn > 0) repetitions.push({ ...measured, ratio: measured.lorica / measured.bare })
  }
  const result = {
    agents,
    updateBytes,
    loricaMBps: median(repetitions.map(({ lorica }) => lorica)),
    bareMBps: median(repetitions.map(({ bare: speed }) => speed)),
    ratio: median(repetitions.map(({ ratio }) => ratio)),
    repetitions,
  }
  return { result, roundSeconds: median(beyond.slice(1)), foldingCpuMs }
}

async function roundsDone(api: Api, runId: string, count: number): Promise<void> {
  for (;;) {
    const run = await api.get<RunView>(`/api/v1/runs/${runId}`)
    if (run.rounds.length >= count) return
    if (run.state === 'failed') throw new Error(`the run of the load failed: ${JSON.stringify(run)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const speedOf = ({ bytes, seconds }: Uploaded): number => bytes / 1e6 / seconds

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
