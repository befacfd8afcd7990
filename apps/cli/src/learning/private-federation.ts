/**
 * A federation whose rounds give one noisy sum: what privacy.dp of unit site does in a fleet, on one machine.
 * @module
 */
import { type Adapter, strategyOf, type TensorMap, tensorSource } from '@lorica/peft-core'
import { clip, openNoisySum, type Tensor } from '@lorica/privacy'
import { type Federation, lossOfAll, type Site, startOf, train } from './learning-federation.js'
import type { UsedStrategy } from './learning-strategies.js'

/** The bound on an update and the noise on the sum over it; null: none. Noise needs a bound. */
export interface SumPrivacy {
  readonly clip: number | null
  readonly noiseMultiplier: number | null
}

/** Runs all rounds of agents that each are a site, and gives the held-out loss of the last release. */
export async function federatePrivately(
  site: Site,
  plan: Federation,
  { used, privacy }: { readonly used: UsedStrategy; readonly privacy: SumPrivacy },
): Promise<number> {
  const strategy = strategyOf(used.spec)
  let release = await startOf(site, plan, used, 0)
  for (let round = 1; round <= plan.rounds; round++) {
    const { config, tensors: before } = release
    const shapes = new Map([...before].map(([name, { shape }]) => [name, shape]))
    const roles = strategy.roles({ config, shapes }, round)
    const shared = new Map([...shapes].filter(([name]) => roles.get(name) === 'shared'))
    const sum = sumOf(shared, privacy)
    for (let agent = 0; agent < plan.agents; agent++) {
      const held = { model: site.model, adapter: release }
      const after = await train(site.learner, held, { plan, round, agent, roles })
      sum.add(clip(changeOf(before, after, shared), privacy.clip).tensors)
    }
    const mean = new Map(
      [...sum.close()].map(([name, values]) => {
        const data = Float32Array.from(values, (value) => value / plan.agents)
        return [name, { shape: shared.get(name) ?? [], data }] as const
      }),
    )
    release = await released(strategyOf(used.spec), { release, round, mean })
  }
  return await lossOfAll(site.learner, { model: site.model, adapter: release }, plan.seed)
}

async function released(
  strategy: ReturnType<typeof strategyOf>,
  { release, round, mean }: { readonly release: Adapter; readonly round: number; readonly mean: TensorMap },
): Promise<Adapter> {
  const aggregation = strategy.open({ start: release, round, measured: false })
  const { config, tensors: start } = release
  await aggregation.fold({ id: 'sum', weight: 1, config, start, tensors: tensorSource(mean) })
  return (await aggregation.close()).candidate
}

function sumOf(shapes: ReadonlyMap<string, readonly number[]>, { clip: bound, noiseMultiplier }: SumPrivacy) {
  if (noiseMultiplier !== null && bound !== null)
    return openNoisySum({ shapes, clip: bound, noiseMultiplier })
  const sums = new Map<string, Float64Array>()
  return {
    add(update: ReadonlyMap<string, Tensor>): void {
      for (const [name, { data }] of update) {
        const sum = sums.get(name) ?? new Float64Array(data.length)
        sums.set(name, sum)
        for (let at = 0; at < data.length; at++) sum[at] = (sum[at] as number) + (data[at] as number)
      }
    },
    close: (): ReadonlyMap<string, Float64Array> => sums,
  }
}

function changeOf(
  before: TensorMap,
  after: TensorMap,
  shared: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, Tensor> {
  return new Map(
    [...shared].map(([name, shape]) => {
      const from = before.get(name)?.data ?? new Float32Array(0)
      const to = after.get(name)?.data ?? new Float32Array(0)
      return [name, { shape, data: to.map((value, at) => value - (from[at] as number)) }]
    }),
  )
}
