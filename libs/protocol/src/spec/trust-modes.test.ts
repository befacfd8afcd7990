import { describe, expect, test } from 'vitest'
import { LoricaError } from '../errors/lorica-error.js'
import { parseRunSpec } from './run-spec.js'

const smallest = {
  name: 'tone',
  base: { model: './base' },
  data: { maxTokens: 128 },
  local: { steps: 20, batch: 8, learningRate: 1e-3 },
  rounds: { count: 10, minimum: 7 },
}
const krum = { rule: 'multi-krum', liars: 2 }
const median = { rule: 'median', liars: 2 }

function refusal(part: object): LoricaError {
  try {
    parseRunSpec({ ...smallest, ...part })
  } catch (error) {
    if (error instanceof LoricaError) return error
    throw error
  }
  return expect.fail('the run passed')
}

describe('trust robust', () => {
  test('updates count alike, and a rule has its settings', () => {
    const { aggregate } = parseRunSpec({ ...smallest, aggregate: { trust: 'robust', robust: krum } })
    expect(aggregate).toEqual({
      ...{ strategy: 'fedavg', trust: 'robust', robust: krum, weights: { by: 'uniform', atMost: null } },
    })
    const bound = { ...smallest, aggregate: { trust: 'robust', robust: { rule: 'norm-bound' } } }
    expect(parseRunSpec(bound).aggregate.robust).toEqual({ rule: 'norm-bound', maxNorm: 'median' })
  })

  const takes: Readonly<Record<string, readonly string[]>> = {
    fedavg: ['multi-krum'],
    ffa: ['multi-krum', 'median'],
    rolora: ['multi-krum', 'median'],
    svd: ['multi-krum'],
    fedsvd: ['multi-krum'],
    'lora-fair': [],
    hetlora: [],
    fedrot: [],
    flora: ['multi-krum'],
    fedex: ['multi-krum'],
  }
  test.each(Object.keys(takes))(
    '%s takes the rules of its row, and names the strategies to choose instead',
    (strategy) => {
      for (const robust of [krum, median]) {
        const aggregate = { strategy, trust: 'robust', robust }
        if (takes[strategy]!.includes(robust.rule)) {
          expect(parseRunSpec({ ...smallest, aggregate }).aggregate.strategy).toBe(strategy)
          continue
        }
        const { code, message, action } = refusal({ aggregate })
        expect(code).toBe('LRC-3014')
        expect(message).toContain(
          `aggregate.strategy ${strategy} and aggregate.robust ${robust.rule} against 2 liars exclude each other`,
        )
        expect(action).toContain(robust === krum ? 'fedavg, ffa, rolora, fedsvd, svd' : 'ffa, rolora, or')
      }
    },
  )

  test.each([
    [{ aggregate: { robust: krum } }, 'aggregate.trust exact and aggregate.robust multi-krum'],
    [
      { aggregate: { trust: 'robust', robust: krum, weights: { by: 'tokens' } } },
      'aggregate.trust robust and aggregate.weights.by tokens',
    ],
    [
      {
        aggregate: {
          ...{ trust: 'robust', robust: { ...krum, halfLifeRounds: 7 } },
          optimizer: { kind: 'momentum' },
        },
      },
      'aggregate.optimizer momentum and aggregate.robust.halfLifeRounds',
    ],
    [
      { peft: { start: 'principal' }, aggregate: { strategy: 'rolora' } },
      'peft.start principal and aggregate.strategy rolora',
    ],
    [
      { aggregate: { trust: 'robust', robust: { ...krum, liars: 3 } } },
      'against 3 liars and rounds.minimum 7 exclude each other: the rule needs 9 updates',
    ],
    [
      { aggregate: { trust: 'robust', robust: { ...krum, keep: 4 } } },
      'rounds.minimum 7 exclude each other: the rule needs 8 updates',
    ],
    [
      { aggregate: { strategy: 'fedsvd', optimizer: { kind: 'yogi' } } },
      'aggregate.strategy fedsvd and aggregate.optimizer yogi',
    ],
    [{ aggregate: { strategy: 'svd', optimizer: { kind: 'momentum' } } }, 'aggregate.optimizer momentum'],
    [{ aggregate: { strategy: 'flora', optimizer: { kind: 'adam' } } }, 'aggregate.strategy flora and'],
    [{ aggregate: { strategy: 'fedex', optimizer: { kind: 'adam' } } }, 'aggregate.optimizer adam'],
  ])('%j is refused', (part, names) => {
    const { code, message } = refusal(part)
    expect(code).toBe('LRC-3014')
    expect(message).toContain(names)
  })

  test.each([
    [{ trust: 'robust' }, 'LRC-3001', '"aggregate.robust": is what trust robust needs'],
    [{ trust: 'robust', robust: { rule: 'krum' } }, 'LRC-3001', 'liars'],
    [{ trust: 'robust', robust: { ...median, keep: 3 } }, 'LRC-3001', 'keep'],
    [{ trust: 'robust', robust: { rule: 'trusted-root' } }, 'LRC-3001', 'aggregate.robust.root'],
    [{ trust: 'robust', robust: krum, weights: { atMost: 9 } }, 'LRC-3001', 'uniform weights have none'],
  ])('%j is refused with %s', (aggregate, code, name) => {
    const error = refusal({ aggregate })
    expect(error.code).toBe(code)
    expect(error.message).toContain(name)
  })
})

describe('what nobody sees one by one', () => {
  test.each([
    [
      { aggregate: { trust: 'private', strategy: 'svd' } },
      'aggregate.strategy svd and aggregate.trust private',
    ],
    [{ aggregate: { trust: 'private', strategy: 'hetlora' } }, 'aggregate.strategy hetlora and'],
    [{ aggregate: { trust: 'private', strategy: 'fedrot' } }, 'aggregate.strategy fedrot and'],
    [
      { aggregate: { strategy: 'lora-fair' }, privacy: { secureAggregation: true } },
      'aggregate.strategy lora-fair and privacy.secureAggregation',
    ],
    [
      { aggregate: { trust: 'private', robust: median } },
      'aggregate.robust median and aggregate.trust private',
    ],
    [
      { aggregate: { trust: 'robust', robust: krum }, privacy: { secureAggregation: { threshold: 3 } } },
      'aggregate.robust multi-krum and privacy.secureAggregation',
    ],
  ])('%j could never be, and is refused so', (part, names) => {
    const { code, message, action } = refusal(part)
    expect(code).toBe('LRC-3014')
    expect(message).toContain(names)
    expect(action).toMatch(/fedavg, ffa, rolora, fedsvd|Choose one/)
  })

  const rounds = { count: 2, minimum: 4 }
  const privacy = { clip: 0.5 }
  const unseen = { aggregate: { trust: 'private' }, rounds, privacy }

  test('either of two settings asks for it, and implies the other', () => {
    const asked = [
      unseen,
      { rounds, privacy: { ...privacy, secureAggregation: true } },
      { ...unseen, privacy: { ...privacy, secureAggregation: {} } },
    ]
    for (const part of asked) {
      const spec = parseRunSpec({ ...smallest, ...part })
      expect(spec.aggregate).toMatchObject({ trust: 'private', weights: { by: 'uniform' } })
      expect(spec.privacy.secureAggregation).toEqual({ colluding: 0.2, graph: 'auto', bits: 32 })
    }
    const secureAggregation = { minSurvivors: 3, colluding: '10%', threshold: 3, graph: 'complete', bits: 20 }
    const spec = parseRunSpec({ ...smallest, rounds, privacy: { ...privacy, secureAggregation } })
    expect(spec.privacy.secureAggregation).toEqual({ ...secureAggregation, colluding: 0.1 })
    for (const off of [false, null]) {
      const plain = parseRunSpec({ ...smallest, privacy: { ...privacy, secureAggregation: off } })
      expect([plain.aggregate.trust, plain.privacy]).toEqual(['exact', { clip: 0.5 }])
    }
  })

  test.each(['fedavg', 'ffa', 'rolora', 'fedsa', 'fedsvd'])('%s works with sums alone', (strategy) => {
    const aggregate = { trust: 'private', strategy }
    expect(parseRunSpec({ ...smallest, ...unseen, aggregate }).aggregate.strategy).toBe(strategy)
  })

  test.each([
    [{ privacy: {} }, 'aggregate.trust private', 'privacy.clip null'],
    [{ rounds: { count: 2, minimum: 2 } }, 'aggregate.trust private', 'rounds.minimum 2'],
    [{ rounds: { count: 2 } }, 'aggregate.trust private', 'rounds.minimum 1'],
    [
      { privacy: { clip: 1, secureAggregation: { minSurvivors: 5 } } },
      'privacy.secureAggregation.minSurvivors 5',
      'rounds.minimum 4',
    ],
    [{ rounds: { ...rounds, goal: 300 } }, 'aggregate.trust private', 'rounds.goal 300'],
    [
      { rounds: { count: 3, minimum: 4, mode: 'buffered', buffer: { size: 4 } } },
      'aggregate.trust private',
      'rounds.mode buffered',
    ],
    [{ update: { encoding: 'int8' } }, 'aggregate.trust private', 'update.encoding int8'],
    [
      { aggregate: { trust: 'private', weights: { by: 'examples' } } },
      'aggregate.trust private',
      'aggregate.weights.by examples',
    ],
    [
      { aggregate: { trust: 'private' }, peft: { ranks: [{ where: 'threads < 8', rank: 2 }] } },
      'peft.ranks',
      'aggregate.strategy fedavg',
    ],
    [
      { aggregate: { trust: 'exact' }, privacy: { clip: 1, secureAggregation: true } },
      'aggregate.trust exact',
      'privacy.secureAggregation',
    ],
    [
      { privacy: { clip: 1, secureAggregation: false } },
      'aggregate.trust private',
      'privacy.secureAggregation false',
    ],
  ])('%j excludes itself', (part, first, second) => {
    const { code, message, action } = refusal({ ...unseen, ...part })
    expect(code).toBe('LRC-3014')
    expect(message).toContain(
      second.endsWith(' null')
        ? `${first} needs ${second.slice(0, -' null'.length)}: `
        : `${first} and ${second} exclude each other`,
    )
    expect(action).toMatch(/^(Set|Leave|Lower) /)
  })

  test('an unknown setting of it is refused by its name', () => {
    const secureAggregation = { survivors: 4 }
    const { code, message } = refusal({ ...unseen, privacy: { clip: 1, secureAggregation } })
    expect([code, message]).toEqual(['LRC-3001', expect.stringContaining('privacy.secureAggregation')])
  })
})

describe('agents with ranks of their own', () => {
  const ranks = [{ where: 'gpu.vramGiB < 8', rank: 2 }]
  const with8 = (peft: object, part: object = {}) => ({
    ...{ aggregate: { strategy: 'svd' }, peft: { rank: 8, ranks, ...peft } },
    ...part,
  })

  test('svd and hetlora take them', () => {
    for (const strategy of ['svd', 'hetlora']) {
      const { peft } = parseRunSpec({ ...smallest, ...with8({}, { aggregate: { strategy } }) })
      expect(peft).toMatchObject({ rank: 8, ranks })
    }
  })

  test.each([
    [with8({}, { aggregate: {} }), 'peft.ranks and aggregate.strategy fedavg'],
    [with8({}, { aggregate: { strategy: 'rolora' } }), 'peft.ranks and aggregate.strategy rolora'],
    [
      with8({}, { aggregate: { strategy: 'hetlora' }, local: { ...smallest.local, optimizerState: 'keep' } }),
      'peft.ranks and local.optimizerState keep',
    ],
    [
      with8({}, { aggregate: { strategy: 'hetlora' }, update: { encoding: 'bf16' } }),
      'peft.ranks and update.encoding bf16',
    ],
    [
      with8({}, { aggregate: { strategy: 'svd', trust: 'robust', robust: krum } }),
      'peft.ranks and aggregate.robust multi-krum',
    ],
  ])('%j excludes itself', (part, names) => {
    const { code, message, action } = refusal(part)
    expect(code).toBe('LRC-3014')
    expect(message).toContain(names)
    expect(action?.toLowerCase()).toContain('leave peft.ranks out')
  })

  test.each([
    [
      { ranks: [...ranks, { where: 'name == oslo', rank: 9 }] },
      '"peft.ranks.1.rank": 9 is above peft.rank 8',
    ],
    [{ ranks: [{ where: 'vram < 8', rank: 2 }] }, '"peft.ranks.0.where"'],
    [{ ranks: [] }, '"peft.ranks"'],
  ])('%j is no list of ranks', (peft, names) => {
    const { code, message } = refusal(with8(peft))
    expect(code).toBe('LRC-3001')
    expect(message).toContain(names)
  })
})

describe('parts that stay with the agents', () => {
  test('fedsa keeps B, and the strategies that average tensors one by one keep what a run names', () => {
    for (const strategy of ['fedavg', 'ffa', 'rolora', 'fedsa']) {
      const { aggregate } = parseRunSpec({ ...smallest, aggregate: { strategy, personal: ['layers.3'] } })
      expect(aggregate).toMatchObject({ strategy, personal: ['layers.3'] })
    }
    expect(parseRunSpec({ ...smallest, aggregate: { strategy: 'fedsa' } }).aggregate).not.toHaveProperty(
      'personal',
    )
  })

  test.each([
    [
      { aggregate: { strategy: 'svd', personal: ['lora_B'] } },
      'aggregate.personal and aggregate.strategy svd',
    ],
    [
      { aggregate: { strategy: 'fedrot', personal: ['lora_B'] } },
      'aggregate.personal and aggregate.strategy fedrot',
    ],
    [
      { aggregate: { trust: 'robust', robust: krum, personal: ['layers.3'] } },
      'aggregate.personal and aggregate.robust multi-krum',
    ],
    [
      { aggregate: { trust: 'robust', robust: krum, strategy: 'fedsa' } },
      'aggregate.strategy fedsa and aggregate.robust multi-krum',
    ],
    [
      { aggregate: { strategy: 'fedsa' }, peft: { ranks: [{ where: 'threads < 8', rank: 2 }] } },
      'peft.ranks and aggregate.strategy fedsa',
    ],
  ])('%j excludes itself', (part, names) => {
    const { code, message, action } = refusal(part)
    expect(code).toBe('LRC-3014')
    expect(message).toContain(names)
    expect(action).toMatch(/^(Leave|Set)/)
  })
})

describe('corrected steps', () => {
  const scaffold = (local: object = {}, part: object = {}) => ({
    aggregate: { weights: { by: 'uniform' } },
    ...part,
    local: { ...smallest.local, scaffold: true, optimizer: 'sgd', ...local },
  })

  test('fedavg and ffa take them', () => {
    for (const strategy of ['fedavg', 'ffa']) {
      const aggregate = { strategy, weights: { by: 'uniform' } }
      const { local } = parseRunSpec({ ...smallest, ...scaffold({}, { aggregate }) })
      expect(local).toMatchObject({ scaffold: true, optimizer: 'sgd' })
    }
  })

  const uniform = { weights: { by: 'uniform' } }
  test.each([
    [scaffold({ optimizer: undefined }), 'local.optimizer adamw'],
    [scaffold({ weightDecay: 0.01 }), 'local.weightDecay 0.01'],
    [scaffold({ proximal: 0.5 }), 'local.proximal 0.5'],
    [scaffold({}, { aggregate: { ...uniform, strategy: 'rolora' } }), 'aggregate.strategy rolora'],
    [scaffold({}, { aggregate: {} }), 'aggregate.weights.by tokens'],
    [
      scaffold({}, { aggregate: { trust: 'robust', robust: krum }, rounds: { count: 3, minimum: 9 } }),
      'aggregate.trust robust',
    ],
    [scaffold({}, { aggregate: { ...uniform, optimizer: { kind: 'yogi' } } }), 'aggregate.optimizer yogi'],
    [scaffold({}, { update: { encoding: 'int8' } }), 'update.encoding int8'],
    [scaffold({}, { privacy: { clip: 2.5 } }), 'privacy.clip 2.5'],
    [scaffold({}, { aggregate: { ...uniform, personal: ['layers.3'] } }), 'aggregate.personal'],
    [scaffold({}, { rounds: { count: 3, mode: 'buffered', buffer: { size: 2 } } }), 'rounds.mode buffered'],
  ])('%j excludes itself', (part, names) => {
    const { code, message, action } = refusal(part)
    expect(code).toBe('LRC-3014')
    expect(message).toContain(`local.scaffold true and ${names} exclude each other`)
    expect(action).toMatch(/^(Set|Leave) /)
  })
})

test.each(['flora', 'fedex'])(
  '%s leaves a side of factors, and takes no modules that are trained whole',
  (strategy) => {
    const peft = { modulesToSave: ['classifier'] }
    const { code, message, action } = refusal({ peft, aggregate: { strategy } })
    expect(code).toBe('LRC-3014')
    expect(message).toContain(`peft.modulesToSave and aggregate.strategy ${strategy} exclude each other`)
    expect(action).toContain('fedavg, ffa, rolora, fedsvd, fedsa, svd, lora-fair, hetlora, fedrot.')
    const aggregate = { strategy: 'fedsvd' }
    expect(parseRunSpec({ ...smallest, peft, aggregate }).peft.modulesToSave).toEqual(['classifier'])
  },
)
