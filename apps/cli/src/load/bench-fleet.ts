/**
 * One coordinator under load: many connections that wait, rounds that follow each other, and uploads of many agents at once beside
 * a bare WebSocket server. Everything is a process of its own on this machine.
 * @module
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { writeRandomModel } from '../learning/random-model.js'
import { type IdleResult, measureIdle } from './idle.js'
import { expectRoom, readRoom } from './room.js'
import { measureRounds, type RoundsResult } from './rounds.js'
import { measureUploads, type UploadLoad } from './uploads.js'

export interface FleetShape {
  readonly agents: number
  readonly uploads: number
  readonly updateMb: number
  readonly hold: number // seconds
  readonly rounds: number
  readonly repetitions: number
  readonly uploadBudgetMb?: number
  readonly dir?: string
}

export interface FleetResult {
  readonly machine: {
    readonly processor: string
    readonly threads: number
    readonly memoryBytes: number
    readonly node: string
    readonly platform: string
  }
  readonly idle: IdleResult
  readonly rounds: RoundsResult
  readonly load: UploadLoad
}

const WIDTH = 128
const RANK = 64
const ROUND_AGENTS = 4
const BYTES_OF_LAYER = 16 * WIDTH * RANK * 4 // of an update: LoRA on the four linear layers of a GPT-2 block

/** Measures one coordinator, part after part. Throws LoricaError LRC-8006 when this machine cannot hold so many connections. */
export async function benchFleet(
  shape: FleetShape,
  onProgress: (text: string) => void,
): Promise<FleetResult> {
  expectRoom(await readRoom(), shape.agents, shape.uploads)
  const folder = await mkdtemp(join(shape.dir ?? tmpdir(), 'lorica-bench-'))
  const place = async (name: string): Promise<string> => {
    const path = join(folder, name)
    await mkdir(path)
    return path
  }
  try {
    onProgress('writing random weights …')
    const small = await modelOf(await place('small'), 1)
    const layers = Math.max(1, Math.round((shape.updateMb * 1e6) / BYTES_OF_LAYER))
    const large = await modelOf(await place('large'), layers)
    const idle = await measureIdle(
      await place('idle'),
      { agents: shape.agents, holdMs: shape.hold * 1000 },
      onProgress,
    )
    onProgress(`${shape.rounds} rounds of ${ROUND_AGENTS} agents …`)
    const rounds = await measureRounds(await place('rounds'), {
      model: small,
      agents: ROUND_AGENTS,
      rounds: shape.rounds,
    })
    const plan = {
      model: large,
      rank: RANK,
      agents: shape.uploads,
      repetitions: shape.repetitions,
      budgetMB: shape.uploadBudgetMb,
    }
    const load = await measureUploads(await place('uploads'), plan, onProgress)
    return { machine: machineOf(), idle, rounds, load }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function modelOf(folder: string, layers: number): Promise<string> {
  await writeRandomModel(folder, {
    family: 'gpt2',
    layers,
    width: WIDTH,
    heads: 4,
    keyValueHeads: 4,
    feedForward: 4 * WIDTH,
    vocabulary: 256,
    positions: 32,
    element: 'float32',
  })
  return folder
}

function machineOf(): FleetResult['machine'] {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    threads: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  }
}
