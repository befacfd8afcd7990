import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Adapter, createAdapter, hashModel, type ModelHash } from '@lorica/peft-core'
import type { RunSpec } from '@lorica/protocol'
import { type Clock, systemClock } from './clock.js'
import { type Random, systemRandom } from './random.js'
import { type Disk, systemDisk } from './store/disk.js'

/** Base models: Hugging Face folders and .onnx files, by path. */
export interface Models {
  /** The hash of a model and of each of its files. Rejects when it cannot be read. */
  hash(path: string): Promise<ModelHash>
  /** The adapter that a run on a model starts from. Rejects when the model cannot be adapted in this way. */
  firstAdapter(path: string, peft: RunSpec['peft'], seed: number): Promise<Adapter>
  /** The folder that the paths of a model's files are relative to. */
  folderOf(path: string): Promise<string>
}

/** What a coordinator finds where it runs: everything of it that a decision may not reach for by itself. */
export interface Host {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly models: Models
}

/** This machine. */
export function systemHost(): Host {
  const random = systemRandom()
  const models: Models = {
    hash: hashModel,
    firstAdapter: createAdapter,
    folderOf: async (path) => ((await stat(path)).isDirectory() ? path : dirname(path)),
  }
  return { clock: systemClock(), random, disk: systemDisk(random), models }
}
