/**
 * A training run on disk, to go on from: the adapter, the optimiser, and how far it was.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Adapter, adapterFiles, readAdapter } from '../adapter/adapter.js'
import type { OptimizerState } from './adamw.js'
import { encodeOptimizerState, readOptimizerState } from './optimizer-file.js'

export interface Checkpoint {
  readonly adapter: Adapter
  readonly optimizer: OptimizerState
  /** Optimiser steps that were made; the place in the data and the random numbers follow from it. */
  readonly step: number
  /** What the caller wants to find again, as JSON. */
  readonly notes: unknown
}

const KEPT = 2
const OPTIMIZER = 'optimizer.safetensors'
const NOTES = 'training.json'
const nameOf = (step: number): string => `step-${String(step).padStart(8, '0')}`

/**
 * Writes a checkpoint as `step-NNNNNNNN` into a folder and returns its path. It appears whole or not at all, also when the
 * machine stops; the two latest stay.
 */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<string> {
  const { adapter, optimizer, step, notes } = checkpoint
  const staging = join(folder, `.partial-${randomUUID()}`)
  const place = join(folder, nameOf(step))
  const files = {
    ...adapterFiles(adapter),
    [OPTIMIZER]: encodeOptimizerState(optimizer),
    [NOTES]: Buffer.from(`${JSON.stringify({ step, notes })}\n`),
  }
  await mkdir(staging, { recursive: true })
  try {
    for (const [name, bytes] of Object.entries(files)) await writeFlushed(join(staging, name), bytes)
    await rm(place, { recursive: true, force: true })
    await rename(staging, place)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
  for (const old of (await steps(folder)).slice(KEPT))
    await rm(join(folder, nameOf(old)), { recursive: true })
  return place
}

/** The latest checkpoint of a folder, or undefined when it has none. RangeError when its files are damaged. */
export async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  const [latest] = await steps(folder)
  if (latest === undefined) return undefined
  const place = join(folder, nameOf(latest))
  const [adapter, optimizer, text] = await Promise.all([
    readAdapter(place),
    readOptimizerState(join(place, OPTIMIZER)),
    readFile(join(place, NOTES), 'utf8'),
  ])
  const { step, notes } = JSON.parse(text) as Pick<Checkpoint, 'step' | 'notes'>
  return { adapter, optimizer, step, notes }
}

/** The steps of the checkpoints in a folder, the latest first. */
async function steps(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder).catch(() => [])
  const found = names.filter((name) => /^step-\d{8,}$/.test(name)).map((name) => Number(name.slice(5)))
  return found.sort((left, right) => right - left)
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}
