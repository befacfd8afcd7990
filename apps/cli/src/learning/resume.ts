import {
  type Adapter,
  createAdapter,
  type NewHead,
  type PeftSpec,
  readAdapterFor,
  readCheckpoint,
} from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { withCode } from './errors.js'
import type { Start } from './training.js'

/** The options of a command that decide what it trains, by name. */
export type Settings = Readonly<Record<string, unknown>>

interface Notes {
  readonly settings: Settings
  readonly losses: readonly number[]
  readonly before: number | null
}

/**
 * Where training begins: at the last checkpoint of `folder` with `resume`, else at the start. LRC-8003 when there is no
 * checkpoint, when there is one and nobody asked for it, or when it is of a command with other settings.
 */
export async function startOf(folder: string, settings: Settings, resume: boolean): Promise<Start> {
  const checkpoint = await withCode('LRC-7003', () => readCheckpoint(folder))
  if (!resume && checkpoint !== undefined) {
    throw new LoricaError('LRC-8003', `"${folder}" holds checkpoints of a run that did not end`, {
      action: `Add --resume to go on from the last, or remove the folder.`,
    })
  }
  if (!resume) return { step: 0, losses: [] }
  if (checkpoint === undefined) {
    throw new LoricaError('LRC-8003', `"${folder}" has no checkpoint to go on from`, {
      expected: 'a run with --checkpoint-every, or one that Ctrl-C stopped, with the same --out',
      action: 'Leave --resume out to begin.',
    })
  }
  const { settings: earlier, losses, before } = checkpoint.notes as Notes
  const other = Object.keys({ ...earlier, ...settings }).find(
    (name) => JSON.stringify(earlier[name]) !== JSON.stringify(settings[name]),
  )
  if (other !== undefined) {
    throw new LoricaError('LRC-8003', `the checkpoint is of a run with another "${other}"`, {
      expected: JSON.stringify(earlier[other]),
      received: JSON.stringify(settings[other]),
      action: 'Give the options of the run that stopped.',
    })
  }
  const { adapter, optimizer, step } = checkpoint
  return { adapter, optimizer, step, losses, before }
}

/** The adapter that a run of these options begins with: of a folder, or a fresh one. */
export function firstAdapter(
  given: string | PeftSpec,
  {
    model,
    seed,
    head,
  }: { readonly model: string; readonly seed: number; readonly head: NewHead | undefined },
): Promise<Adapter> {
  return typeof given === 'string'
    ? withCode('LRC-7003', () => readAdapterFor(model, given))
    : withCode('LRC-7001', () => createAdapter(model, given, seed, { head }))
}
