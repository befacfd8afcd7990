import type { PrivateBatches } from '@lorica/agent/embed'
import type { Batches, Engine, TensorMap, TrainJob, TrainResult } from '@lorica/peft-core'
import type { Dice } from './dice.js'
import type { Incarnation } from './incarnation.js'
import { lossOf, nameOfTensors, trained } from './model.js'

const ROW = { rows: 1, columns: 4, inputIds: new Int32Array(4) }
const EVALUATED_TOKENS = 64
const RATE_SUM = 3e-3 // of as many steps as the run asks for

/** The private data of an agent: batches that say which training they are for. */
export function privateBatches(): PrivateBatches {
  const batch = { ...ROW, attentionMask: ROW.inputIds, labels: ROW.inputIds }
  return {
    training: async (_, { steps, seed }) => Array.from({ length: steps }, () => ({ ...batch, seed })),
    byExample: async () => {
      throw new RangeError('the simulated agents have no examples to protect')
    },
    heldOut: async () => [batch],
    overlap: async () => {
      throw new RangeError('the simulated agents have no texts to look up')
    },
  }
}

export interface EngineParts {
  readonly process: Incarnation
  readonly dice: Dice
  readonly agent: number
  readonly slowness: number // times as long as others
  /** Hears that a training began or ended, by a name of what it is. */
  readonly began: (work: string) => void
  readonly finished: (work: string) => void
}

/** A training process whose results are a function of what it is asked, in a time that the dice decide. */
export function startEngine({ process, dice, agent, slowness, began, finished }: EngineParts): Engine {
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const pauseMs = dice.chance(0.05) ? dice.between(5000, 90_000) : dice.between(5, 800)
      process.later(slowness * pauseMs, resolve)
    })
  let isClosed = false
  const expectOpen = (): void => {
    if (isClosed) throw new Error('the engine was closed')
  }
  /** Takes all batches, and says of what seed they are. */
  const take = async (batches: Batches, first: (seed: number) => void): Promise<number> => {
    let seed: number | undefined
    for await (const batch of batches) {
      const isFirst = seed === undefined
      seed ??= (batch as unknown as { readonly seed?: number }).seed ?? 0
      if (isFirst) first(seed)
      await pause()
      expectOpen()
    }
    return seed ?? 0
  }
  const engine = {
    pid: 1,
    facts: { library: 'simulated' },
    open: async () => ({}),
    async train({ tensors, batches, frozen, correction }: TrainJob): Promise<TrainResult> {
      const workOf = (seed: number): string => `${nameOfTensors(tensors)}/${seed}`
      const seed = await take(batches, (first) => began(workOf(first)))
      finished(workOf(seed))
      const losses = Float32Array.of(3, 2)
      const found = trained(tensors, { agent, seed, frozen, correction })
      return { tensors: found, losses, seconds: 1, tokens: 12, rateSum: RATE_SUM }
    },
    async evaluate(tensors: TensorMap, batches: Batches) {
      await take(batches, () => {})
      return { lossSum: lossOf(tensors, agent, EVALUATED_TOKENS), tokens: EVALUATED_TOKENS, seconds: 1 }
    },
    async close() {
      isClosed = true
    },
  }
  return engine as unknown as Engine
}
