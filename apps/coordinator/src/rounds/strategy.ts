import { type Adapter, type Strategy, strategyOf } from '@lorica/peft-core'
import type { RunSpec } from '@lorica/protocol'
import type { AdapterShapes } from './intake.js'

type Aggregating = Pick<RunSpec, 'aggregate'>

/** The strategy of a run. What it keeps has the rank of the run. */
export function strategyIn({ aggregate, peft }: Pick<RunSpec, 'aggregate' | 'peft'>): Strategy {
  const { strategy } = aggregate
  switch (strategy) {
    case 'svd':
      return strategyOf({ strategy, target: { rank: peft.rank }, balance: 'b', partition: false })
    case 'lora-fair':
      return strategyOf({ strategy, lambda: aggregate.lambda ?? 0 })
    case 'fedrot':
      return strategyOf({ strategy, lambda: aggregate.lambda ?? 0, turnHere: true })
    default:
      return strategyOf({ strategy })
  }
}

/** Whether rounds of a run train some of the tensors only, which agents of protocol 1 cannot. */
export function hasFrozen({ aggregate }: Aggregating): boolean {
  return ['ffa', 'rolora', 'fedsvd'].includes(aggregate.strategy)
}

/** Whether what a run freezes first is to be orthonormal, so that a bound on what is trained bounds the change of the model. */
export function hasOrthonormalStart({ aggregate }: Aggregating): boolean {
  return ['ffa', 'fedsvd'].includes(aggregate.strategy)
}

/** The tensors of the adapter that agents train and send in a round (from 1), and those that they leave as they are. */
export function tensorsOf(
  spec: Pick<RunSpec, 'aggregate' | 'peft'>,
  { config, tensors }: Adapter,
  round: number,
): { readonly shared: AdapterShapes; readonly frozen: readonly string[] } {
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]))
  const roles = strategyIn(spec).roles({ config, shapes }, round)
  return {
    shared: new Map([...shapes].filter(([name]) => roles.get(name) === 'shared')),
    frozen: [...shapes.keys()].filter((name) => roles.get(name) === 'frozen'),
  }
}
