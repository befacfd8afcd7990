import {
  type Adapter,
  changeBetween,
  type ServerOptimizer,
  type ServerState,
  serverStep,
} from '@lorica/peft-core'
import type { RunSpec } from '@lorica/protocol'

const names = { momentum: 'fedavgm', adagrad: 'fedadagrad', adam: 'fedadam', yogi: 'fedyogi' } as const

/** The optimiser of the coordinator that a run asks for; null of a run that takes the aggregate as it is. */
export function optimizerIn({
  aggregate: { optimizer },
}: Pick<RunSpec, 'aggregate'>): ServerOptimizer | null {
  if (optimizer === undefined) return null
  switch (optimizer.kind) {
    case 'momentum': {
      const { kind, ...settings } = optimizer
      return { optimizer: names[kind], ...settings }
    }
    case 'adagrad': {
      const { kind, ...settings } = optimizer
      return { optimizer: names[kind], ...settings }
    }
    default: {
      const { kind, ...settings } = optimizer
      return { optimizer: names[kind], ...settings }
    }
  }
}

/**
 * The candidate that an optimiser makes of an aggregate, and what it remembers for the next round. Tensors that the round did not
 * train stay as the start has them. RangeError when a value of the result is not finite.
 */
export function steppedAdapter(
  optimizer: ServerOptimizer,
  round: {
    readonly start: Adapter
    readonly aggregate: Adapter
    readonly trained: Iterable<string>
    readonly state: ServerState | null
  },
): { readonly candidate: Adapter; readonly state: ServerState } {
  const { start, aggregate, trained, state: before } = round
  const after = new Map(
    [...trained].flatMap((name) => {
      const tensor = aggregate.tensors.get(name)
      return tensor === undefined ? [] : [[name, tensor] as const]
    }),
  )
  const change = changeBetween(start.tensors, after)
  const { tensors, state } = serverStep(optimizer, { base: start.tensors, change }, before ?? undefined)
  return { candidate: { config: aggregate.config, tensors }, state }
}

/** start + scale * (aggregate - start) of each tensor, in float64 with one rounding. */
export function shortened(start: Adapter, { config, tensors }: Adapter, scale: number): Adapter {
  const scaled = [...tensors].map(([name, { shape, data }]) => {
    const from = start.tensors.get(name)?.data
    const at = (index: number): number => from?.[index] ?? 0
    return [
      name,
      { shape, data: data.map((value, index) => at(index) + scale * (value - at(index))) },
    ] as const
  })
  return { config, tensors: new Map(scaled) }
}
