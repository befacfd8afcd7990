import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  type Adapter,
  createAdapter,
  hashModel,
  inspectModel,
  type ModelHash,
  type PeftSpec,
  principalStart,
} from '@lorica/peft-core'
import type { RunSpec } from '@lorica/protocol'
import type { Aggregator } from './aggregation/aggregator.js'
import { type Clock, systemClock } from './clock.js'
import { type Random, systemRandom } from './random.js'
import { type Claim, claimOfProcess } from './store/claim.js'
import { type Disk, systemDisk } from './store/disk.js'
import { openStore } from './store/open.js'
import type { Store } from './store/store.js'
import type { Tracer } from './watching/tracer.js'

/** Base models: Hugging Face folders and .onnx files, by path. */
export interface Models {
  /** The hash of a model and of each of its files. Rejects when it cannot be read. */
  hash(path: string): Promise<ModelHash>
  /** The adapter that a run on a model starts from. Rejects when the model cannot be adapted in this way. */
  firstAdapter(path: string, peft: RunSpec['peft'], seed: number): Promise<Adapter>
  /** Bytes that a training step of a run keeps in memory at most; null where a model does not say. */
  stepBytes?(path: string, spec: Pick<RunSpec, 'peft' | 'data' | 'local'>): Promise<number | null>
  /** The folder that the paths of a model's files are relative to. */
  folderOf(path: string): Promise<string>
}

/** What a coordinator finds where it runs: everything of it that a decision may not reach for by itself. */
export interface Host {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly models: Models
  /** Where rounds are aggregated; absent: where agents are answered. */
  readonly aggregator?: Aggregator
  /** Makes spans of what happens in the fleet with an id; absent: nobody looks on. */
  readonly trace?: ((fleet: string) => Tracer) | undefined
  /** Opens the store of the coordinator whose folder is `dir`: in the folder, or at a URL. */
  openStore(dir: string, url: string | null): Promise<Store>
  /** Who this process is, when it asks for the lead of a store. */
  claim(leaseMs: number): Claim
}

/** This machine. */
export function systemHost(): Host {
  const random = systemRandom()
  const models: Models = {
    hash: hashModel,
    firstAdapter: (path, peft, seed) =>
      (peft.start === 'principal' ? principalStart : createAdapter)(path, specOf(peft), seed),
    stepBytes: stepBytesOf,
    folderOf: async (path) => ((await stat(path)).isDirectory() ? path : dirname(path)),
  }
  const clock = systemClock()
  return {
    clock,
    random,
    disk: systemDisk(random),
    models,
    openStore: (dir, url) => openStore(dir, url, clock.now),
    claim: claimOfProcess,
  }
}

function specOf({ ranks: _, start: __, modulesToSave, ...peft }: RunSpec['peft']): PeftSpec {
  return { ...peft, ...(modulesToSave === undefined ? {} : { modulesToSave }) }
}

async function stepBytesOf(
  path: string,
  { peft, data, local }: Pick<RunSpec, 'peft' | 'data' | 'local'>,
): Promise<number | null> {
  const { rank, modulesToSave } = peft
  const saved = modulesToSave === undefined ? {} : { modulesToSave }
  const sizes = { rows: local.batch, columns: data.maxTokens, rank, ...saved }
  const report = await inspectModel(path, sizes).catch(() => undefined) // what does not fit is told when the run is read
  if (report === undefined || report.estimate === null) return null
  const { weightBytes, activationBytes, optimizerBytes } = report.estimate
  return weightBytes + activationBytes + optimizerBytes
}
