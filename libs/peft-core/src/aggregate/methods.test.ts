import { describe, expect, test } from 'vitest'
import type { Adapter } from '../adapter/adapter.js'
import { createBottleneckConfig } from '../adapter/bottleneck-config.js'
import { factorPairs } from '../adapter/factors.js'
import { createIa3Config } from '../adapter/ia3-config.js'
import { createLoraConfig, type LoraConfig } from '../adapter/lora-config.js'
import { expertProduct } from '../adapter/product.js'
import { createPromptConfig } from '../adapter/prompt-config.js'
import type { TensorMap } from '../adapter/tensor.js'
import { aggregate, contributed, distance, norm, randomTensor } from './agents.fixture.js'
import type { StrategySpec } from './strategies.js'

const shares = [0.2, 0.5, 0.3]

function tensorsOf(
  shapes: Readonly<Record<string, readonly [number, number] | readonly [number]>>,
  agent: number,
): TensorMap {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const { data } = randomTensor([shape[0], shape[1] ?? 1], `${name} of ${agent}`)
      return [name, { shape, data }]
    }),
  )
}

function agentsOf(config: Adapter['config'], shapes: Parameters<typeof tensorsOf>[0]): readonly Adapter[] {
  return shares.map((_, agent) => ({ config, tensors: tensorsOf(shapes, agent) }))
}

const fold = (agents: readonly Adapter[]) =>
  agents.map((adapter, at) => contributed(`k${at}`, shares[at]!, adapter))

function meanOf(agents: readonly Adapter[], name: string): Float64Array {
  return Float64Array.from(agents[0]!.tensors.get(name)!.data, (_, at) =>
    agents.reduce((sum, { tensors }, agent) => sum + shares[agent]! * tensors.get(name)!.data[at]!, 0),
  )
}

const key = (path: string): string => `base_model.model.layers.0.${path}`
const head = key('score.weight')

const ia3 = createIa3Config(
  { method: 'ia3', targets: ['k_proj', 'down_proj'], feedforward: ['down_proj'], modulesToSave: ['score'] },
  {},
)
const prompt = createPromptConfig({ method: 'prompt', virtualTokens: 4 }, { tokenDim: 6 })
const bottleneck = createBottleneckConfig(
  { method: 'bottleneck', size: 2, nonLinearity: 'gelu', targets: ['o_proj'] },
  {},
)
const dora = createLoraConfig({ method: 'dora', rank: 2, alpha: 3, rslora: false, targets: ['q_proj'] })

describe.each([
  [
    'IA3 and a head',
    ia3,
    { [key('k_proj.ia3_l')]: [7, 1], [key('down_proj.ia3_l')]: [1, 9], [head]: [3, 5] },
    0,
  ],
  ['a soft prompt', prompt, { prompt_embeddings: [4, 6] }, 0],
  [
    'bottleneck adapters',
    bottleneck,
    {
      [key('o_proj.bottleneck_down.weight')]: [2, 6],
      [key('o_proj.bottleneck_down.bias')]: [2],
      [key('o_proj.bottleneck_up.weight')]: [6, 2],
      [key('o_proj.bottleneck_up.bias')]: [6],
    },
    1,
  ],
  [
    'DoRA',
    dora,
    {
      [key('q_proj.lora_A.weight')]: [2, 6],
      [key('q_proj.lora_B.weight')]: [8, 2],
      [key('q_proj.lora_magnitude_vector')]: [8],
    },
    1,
  ],
] as const)('%s', (_, config, shapes, notes) => {
  const agents = agentsOf(config, shapes)

  test('are averaged tensor by tensor, and what is inexact about that is said', async () => {
    const { candidate, side, report } = await aggregate({ strategy: 'fedavg' }, fold(agents))
    expect([...candidate.tensors.keys()]).toEqual(Object.keys(shapes))
    for (const [name, { data }] of candidate.tensors)
      expect(distance(data, meanOf(agents, name)), name).toBeLessThan(1e-7)
    expect(candidate.config).toBe(config)
    expect(side).toBeNull()
    expect(report.notes).toHaveLength(notes)
  })

  test.each(['svd', 'flora', 'fedex', 'hetlora', 'lora-fair', 'fedrot', 'fedsvd'] as const)(
    'are refused by %s, which says what it takes',
    async (strategy) => {
      const spec = {
        strategy,
        maxRank: 99,
        balance: 'b',
        partition: false,
        lambda: 0.1,
        turnHere: true,
      } as StrategySpec
      await expect(aggregate(spec, fold(agents))).rejects.toThrow(
        config.method === 'lora'
          ? `k0: ${strategy} expected plain LoRA, got DoRA, whose change is no product of its factors; fedavg takes it`
          : `k0: ${strategy} expected LoRA factors, got ${config.method}; fedavg takes every method`,
      )
    },
  )
})

describe('the stacked factors of experts', () => {
  const path = 'layers.0.mlp.experts'
  const [inputs, outputs, experts] = [6, 5, 3]
  const agents = [2, 1, 3].map((rank, agent): Adapter => {
    const spec = { method: 'lora', rank, alpha: 2 + agent, rslora: agent === 1, targets: [] } as const
    const config = createLoraConfig({ ...spec, targetParameters: ['mlp.experts.down_proj'] })
    const shapes = {
      [`base_model.model.${path}.lora_A.weight`]: [rank * experts, inputs],
      [`base_model.model.${path}.lora_B.weight`]: [outputs, rank * experts],
    } as const
    return { config, tensors: tensorsOf(shapes, agent) }
  })
  const changeOf = ({ config, tensors }: Adapter, expert: number): Float32Array => {
    const [pair] = factorPairs(config as LoraConfig, tensors)
    return expertProduct(pair!, tensors, expert).data
  }

  test.each([
    { strategy: 'flora', maxRank: 6 },
    { strategy: 'svd', target: { energy: 1 }, balance: 'even', partition: false },
  ] as const)('are summed exactly, each expert by itself: %j', async (spec) => {
    const { candidate, report } = await aggregate(spec, fold(agents))
    for (let expert = 0; expert < experts; expert++) {
      const exact = changeOf(agents[0]!, expert).map((_, at) =>
        agents.reduce((sum, agent, k) => sum + shares[k]! * changeOf(agent, expert)[at]!, 0),
      )
      expect(norm(exact)).toBeGreaterThan(0.1)
      expect(distance(changeOf(candidate, expert), exact), `expert ${expert}`).toBeLessThan(1e-6)
    }
    expect(report.error).toBeLessThan(1e-6)
    expect(report.averagedError).toBeGreaterThan(0.2)
  })
})

test('a bias of B counts with the scaling that it takes part in', async () => {
  const configOf = (alpha: number): LoraConfig =>
    createLoraConfig({ method: 'lora', rank: 2, alpha, rslora: false, targets: ['q_proj'], loraBias: true })
  const shapes = {
    [key('q_proj.lora_A.weight')]: [2, 6],
    [key('q_proj.lora_B.weight')]: [4, 2],
    [key('q_proj.lora_B.bias')]: [4],
  } as const
  const agents = [4, 6, 1].map((alpha, agent) => ({
    config: configOf(alpha),
    tensors: tensorsOf(shapes, agent),
  }))
  const { candidate } = await aggregate({ strategy: 'flora', maxRank: 6 }, fold(agents))
  const bias = (agent: Adapter): Float32Array => agent.tensors.get(key('q_proj.lora_B.bias'))!.data
  for (let at = 0; at < 4; at++) {
    const wanted =
      0.2 * 2 * bias(agents[0]!)[at]! + 0.5 * 3 * bias(agents[1]!)[at]! + 0.3 * 0.5 * bias(agents[2]!)[at]!
    expect(bias(candidate)[at]).toBeCloseTo(wanted, 6) // released with scaling 1
  }
})

test('factors that started from the weights are averaged, and not split anew', async () => {
  const config = createLoraConfig({
    method: 'lora',
    rank: 2,
    alpha: 3,
    rslora: false,
    targets: ['q_proj'],
    start: 'pissa',
  })
  const shapes = { [key('q_proj.lora_A.weight')]: [2, 6], [key('q_proj.lora_B.weight')]: [8, 2] } as const
  const agents = agentsOf(config, shapes)
  expect((await aggregate({ strategy: 'fedavg' }, fold(agents))).candidate.config).toBe(config)
  await expect(aggregate({ strategy: 'flora', maxRank: 9 }, fold(agents))).rejects.toThrow(
    'flora expected factors beside the base\'s own weights, got the start "pissa"; convert the adapter to plain LoRA',
  )
})
