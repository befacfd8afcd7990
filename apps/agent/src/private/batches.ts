import { setImmediate } from 'node:timers/promises'
import {
  type Batch,
  evaluationBatches,
  openTokenizer,
  packWindows,
  splitHoldout,
  trainingBatches,
  type Windows,
} from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { readTexts } from './documents.js'

/** How a base reads the text of this machine. */
export interface Reading {
  /** The folder of the base, for its tokenizer. */
  readonly model: string
  readonly columns: number // tokens of one row
  readonly holdout: number // share of the documents kept for evaluation
}

export interface TrainingPlan {
  readonly rows: number
  readonly steps: number // batches, all told
  readonly firstStep: number // batches of the run before these
  readonly seed: number
}

/** The private text as batches. Text is read and tokenised once for a reading, and kept in memory as numbers. */
export interface PrivateBatches {
  training(reading: Reading, plan: TrainingPlan): Promise<readonly Batch[]>
  /** Held-out rows: as many as fit into `maxTokens`, at least one, evenly spread; null: all of them. */
  heldOut(reading: Reading, rows: number, maxTokens: number | null): Promise<readonly Batch[]>
}

interface Texts {
  readonly train: Windows
  readonly heldOut: Windows
}

/** Opens the private files for training; they are read at the first request. */
export function openBatches(paths: readonly string[]): PrivateBatches {
  let current: { readonly key: string; readonly texts: Promise<Texts> } | undefined

  const textsOf = (reading: Reading): Promise<Texts> => {
    const key = JSON.stringify([reading.model, reading.columns, reading.holdout])
    if (current?.key !== key) {
      const texts = tokenise(paths, reading)
      current = { key, texts }
      texts.catch(() => {
        if (current?.texts === texts) current = undefined
      })
    }
    return current.texts
  }

  return {
    async training(reading, plan) {
      return trainingBatches((await textsOf(reading)).train, plan)
    },
    async heldOut(reading, rows, maxTokens) {
      const { heldOut } = await textsOf(reading)
      const chosen = maxTokens === null ? heldOut : spreadWindows(heldOut, maxTokens)
      return evaluationBatches(chosen, Math.min(rows, chosen.count))
    },
  }
}

/** Windows that lie evenly over all of the held-out text. Only the last window may be short; it is left out here. */
function spreadWindows(windows: Windows, maxTokens: number): Windows {
  const { columns, tokens } = windows
  const whole = Math.floor(tokens.length / columns)
  const count = Math.min(whole, Math.max(1, Math.floor(maxTokens / columns)))
  if (count === 0) return windows
  const chosen = new Int32Array(count * columns)
  for (let index = 0; index < count; index++) {
    const start = Math.floor((index * whole) / count) * columns
    chosen.set(tokens.subarray(start, start + columns), index * columns)
  }
  return { ...windows, count, tokens: chosen }
}

async function tokenise(paths: readonly string[], { model, columns, holdout }: Reading): Promise<Texts> {
  const tokenizer = await openTokenizer(model).catch((cause: Error) => {
    throw new LoricaError('LRC-7005', cause.message, { cause })
  })
  const { train, heldOut } = splitHoldout(await readTexts(paths), holdout)
  if (train.length === 0 || (holdout > 0 && heldOut.length === 0)) {
    throw new LoricaError('LRC-6002', `${paths.join(', ')}: too little text to hold some out`, {
      expected: `enough paragraphs to keep a share of ${holdout} for evaluation`,
      received: `${train.length + heldOut.length}`,
    })
  }
  const packed = (ids: readonly (readonly number[])[]): Windows => {
    try {
      return packWindows(ids, { columns, separator: tokenizer.separator, padId: tokenizer.padId })
    } catch (cause) {
      throw new LoricaError('LRC-6002', `${paths.join(', ')}: ${(cause as Error).message}`, { cause })
    }
  }
  const encode = async (documents: readonly string[]): Promise<Windows> => {
    const ids: (readonly number[])[] = []
    let sinceMs = performance.now()
    for (const document of documents) {
      ids.push(tokenizer.encode(document))
      if (performance.now() - sinceMs < SLICE_MS) continue
      await setImmediate() // the link is answered between slices
      sinceMs = performance.now()
    }
    return packed(ids)
  }
  return { train: await encode(train), heldOut: await encode(heldOut) }
}

const SLICE_MS = 20
