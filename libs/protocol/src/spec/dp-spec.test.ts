import { describe, expect, test } from 'vitest'
import { LoricaError } from '../errors/lorica-error.js'
import { parseRunSpec } from './run-spec.js'

const run = (privacy: object, more: object = {}) => ({
  ...{ name: 'tone', base: { model: './base' }, data: { maxTokens: 128 }, privacy },
  ...{ local: { steps: 20, batch: 8, learningRate: 1e-3 }, rounds: { count: 10 } },
  ...more,
})
const dp = { unit: 'site', noiseMultiplier: 1.5, delta: 1e-6, budget: { epsilon: 8 } }

function refusal(raw: unknown): string {
  try {
    parseRunSpec(raw)
  } catch (error) {
    if (error instanceof LoricaError) return `${error.code} ${error.message}`
    throw error
  }
  return 'passed'
}

describe('privacy.dp', () => {
  test('defaults are filled in, and updates count alike', () => {
    const spec = parseRunSpec(run({ clip: 0.7, dp: { ...dp, adaptiveClip: {} } }))
    expect(spec.privacy).toEqual({
      clip: 0.7,
      dp: { ...dp, noise: 'server', adaptiveClip: { quantile: 0.5, learningRate: 0.2 } },
    })
    expect(spec.aggregate.weights).toEqual({ by: 'uniform', atMost: null })
    expect(parseRunSpec(run({ clip: 0.7 })).aggregate.weights.by).toBe('tokens')
  })

  const example = { unit: 'example', noiseMultiplier: 1.2, clip: 0.5, delta: 1e-6, budget: { epsilon: 8 } }

  test('examples are protected by unweighted means that no guard looks at', () => {
    const spec = parseRunSpec(run({ dp: example }, { aggregate: { strategy: 'ffa' } }))
    expect(spec.privacy).toEqual({ clip: null, dp: example })
    expect(spec.aggregate.weights.by).toBe('uniform')
  })

  const sharing = { ...example, noise: 'shared', samplingRate: 0.3 }
  const together = {
    ...{ aggregate: { strategy: 'ffa', trust: 'private' }, rounds: { count: 40, minimum: 3 } },
    local: { steps: 1, batch: 8, learningRate: 1.5, optimizer: 'sgd' },
  }

  test('examples of all sites are protected by noise on the sum of one step', () => {
    const spec = parseRunSpec(run({ clip: 500, dp: sharing }, together))
    expect(spec.privacy.dp).toEqual(sharing)
    for (const [dp, more, clip, why] of [
      [
        { ...sharing, samplingRate: undefined },
        {},
        500,
        'LRC-3001 run: "privacy.dp.samplingRate": is missing',
      ],
      [{ ...example, samplingRate: 0.3 }, {}, 500, 'is for noise shared'],
      [sharing, { aggregate: { strategy: 'ffa', trust: 'exact' } }, 500, 'aggregate.trust exact'],
      [sharing, { local: { ...together.local, steps: 2 } }, 500, 'local.steps 2'],
      [sharing, { local: { ...together.local, optimizer: 'adamw' } }, 500, 'local.optimizer adamw'],
      [sharing, { local: { ...together.local, weightDecay: 0.01 } }, 500, 'local.weightDecay 0.01'],
      [sharing, {}, 501, 'privacy.clip 501'],
      [sharing, {}, null, 'needs privacy.clip'],
      [example, {}, 500, 'aggregate.trust private'],
    ] as const)
      expect(refusal(run({ clip, dp }, { ...together, ...more })), why).toContain(why)
  })

  test.each([
    [{ ...example, budget: undefined }, {}, 'LRC-3001', 'privacy.dp.budget'],
    [{ ...example, clip: undefined }, {}, 'LRC-3001', 'privacy.dp.clip'],
    [{ ...example, noiseMultiplier: 0 }, {}, 'LRC-3001', 'privacy.dp.noiseMultiplier'],
    [{ ...example, noise: 'server' }, {}, 'LRC-3001', 'noise'],
    [example, { aggregate: { strategy: 'svd' } }, 'LRC-3014', 'aggregate.strategy svd'],
    [example, { aggregate: { weights: { by: 'tokens' } } }, 'LRC-3014', 'aggregate.weights.by tokens'],
    [example, { peft: { modulesToSave: ['lm_head'] } }, 'LRC-3014', 'peft.modulesToSave'],
    [example, { evaluate: { guards: [{ metric: 'loss', worseBy: '1%' }] } }, 'LRC-3014', 'evaluate.guards'],
    [
      example,
      { local: { steps: 20, batch: 8, learningRate: 1e-3, accumulate: 2 } },
      'LRC-3014',
      'local.accumulate 2',
    ],
    [
      example,
      { local: { steps: 20, batch: 8, learningRate: 1e-3, proximal: 0.1 } },
      'LRC-3014',
      'local.proximal 0.1',
    ],
  ])('examples are not protected by %j with %j', (wrong, more, code, named) => {
    const refused = refusal(run({ dp: wrong }, more))
    expect(refused.slice(0, 8)).toBe(code)
    expect(refused).toContain(named)
  })

  test('null and false mean none', () => {
    for (const none of [null, false, undefined])
      expect(parseRunSpec(run({ dp: none })).privacy.dp).toBeUndefined()
  })

  test.each([
    [{ ...dp, noiseMultiplier: undefined }, 'LRC-3001', 'privacy.dp.noiseMultiplier'],
    [{ ...dp, epsilon: 3 }, 'LRC-3001', 'privacy.dp.epsilon'],
    [{ ...dp, budget: undefined }, 'LRC-3001', 'privacy.dp.budget'],
    [{ ...dp, noiseMultiplier: 0 }, 'LRC-3001', 'privacy.dp.noiseMultiplier'],
    [{ ...dp, noiseMultiplier: Number.NaN }, 'LRC-3001', 'privacy.dp.noiseMultiplier'],
    [{ ...dp, delta: 0 }, 'LRC-3001', 'privacy.dp.delta'],
    [{ ...dp, delta: undefined }, 'LRC-3001', 'privacy.dp.delta'],
    [{ ...dp, unit: 'user' }, 'LRC-3001', 'privacy.dp.unit'],
    [{ ...dp, sigma: 2 }, 'LRC-3001', 'sigma'],
  ])('%j is refused', (wrong, code, named) => {
    const refused = refusal(run({ clip: 1, dp: wrong }))
    expect(refused.slice(0, 8)).toBe(code)
    expect(refused).toContain(named)
  })

  test('a target for the run is its budget too', () => {
    const { noiseMultiplier: _, budget: __, ...rest } = dp
    expect(refusal(run({ clip: 1, dp: { ...rest, epsilon: 4 } }))).toBe('passed')
  })

  test.each([
    [{}, { privacy: { dp } }, 'privacy.clip null'],
    [{}, { aggregate: { strategy: 'fedex' } }, 'aggregate.strategy fedex'],
    [
      {},
      {
        aggregate: { trust: 'robust', robust: { rule: 'geometric-median', liars: 1 } },
        rounds: { count: 2, minimum: 9 },
      },
      'aggregate.trust robust',
    ],
    [{}, { aggregate: { weights: { by: 'examples' } } }, 'aggregate.weights.by examples'],
    [{}, { evaluate: { guards: [{ metric: 'loss', worseBy: '2%' }] } }, 'evaluate.guards'],
    [{ adaptiveClip: {} }, { update: { encoding: 'int8' } }, 'update.encoding int8'],
    [{ adaptiveClip: {} }, { aggregate: { trust: 'private' } }, 'aggregate.trust private'],
    [{ noise: 'agent' }, {}, 'evaluate.holdout 10%'],
    [{ noise: 'shared' }, { aggregate: { trust: 'private' } }, 'evaluate.holdout 10%'],
    [{ noise: 'shared' }, { evaluate: { holdout: 0 } }, 'aggregate.trust exact'],
    [
      { noise: 'shared', adaptiveClip: {} },
      { aggregate: { trust: 'private' }, evaluate: { holdout: 0 } },
      'aggregate.trust private',
    ],
    [{ noise: 'agent', adaptiveClip: {} }, { evaluate: { holdout: 0 } }, 'privacy.dp.adaptiveClip'],
  ])('with %j, %j is refused', (dpMore, more, named) => {
    const refused = refusal(run({ clip: 1, dp: { ...dp, ...dpMore } }, more))
    const why = named.endsWith(' null') ? 'needs privacy.clip: ' : `and ${named} exclude each other`
    expect(refused).toContain(`LRC-3014 run: privacy.dp of unit site ${why}`)
  })
})
