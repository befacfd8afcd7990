import { describe, expect, test } from 'vitest'
import { LoricaError } from '../errors/lorica-error.js'
import { parseDuration } from './duration.js'
import { parsePercentage } from './percentage.js'
import { parseRunSpec } from './run-spec.js'

const smallest = {
  name: 'tone',
  base: { model: './base' },
  peft: {},
  data: { maxTokens: 128 },
  local: { steps: 20, batch: 8, learningRate: 1e-3 },
  rounds: { count: 10 },
}

function refusal(raw: unknown): LoricaError {
  try {
    parseRunSpec(raw)
  } catch (error) {
    if (error instanceof LoricaError) return error
    throw error
  }
  return expect.fail('the run passed')
}

describe('parseRunSpec', () => {
  test('every default is filled in', () => {
    expect(parseRunSpec(smallest)).toEqual({
      name: 'tone',
      base: { model: './base' },
      peft: { method: 'lora', rank: 8, alpha: 16, targets: 'all-linear', rslora: false },
      data: { format: 'text', maxTokens: 128 },
      local: {
        steps: 20,
        batch: 8,
        learningRate: 1e-3,
        weightDecay: 0,
        clipNorm: 1,
        schedule: 'constant',
        warmupSteps: 0,
        accumulate: 1,
        optimizerState: 'reset',
      },
      rounds: {
        ...{ count: 10, where: null, goal: null, overSelect: 0, minimum: 1 },
        ...{ deadlineMs: null, lateGraceMs: 30_000, mode: 'sync' },
      },
      update: { encoding: 'f32' },
      aggregate: { strategy: 'fedavg', weights: { by: 'tokens', atMost: null }, trust: 'exact' },
      privacy: { clip: null },
      evaluate: { holdout: 0.1, tokens: 1024, guards: [] },
      schedule: null,
    })
  })

  test('durations, shares and guards are read as people write them', () => {
    const spec = parseRunSpec({
      ...smallest,
      rounds: {
        count: 3,
        where: 'threads >= 4',
        goal: 20,
        overSelect: '15%',
        minimum: 12,
        deadline: '1.5h',
        late: { grace: '2m' },
      },
      evaluate: { holdout: '25%', guards: [{ metric: 'loss', worseBy: '1%' }] },
      privacy: { clip: 0.5, secureAggregation: false, dp: null },
      rollout: null,
      schedule: null,
    })
    expect(spec.rounds).toEqual({
      ...{ count: 3, where: 'threads >= 4', goal: 20, overSelect: 0.15, minimum: 12 },
      ...{ deadlineMs: 5_400_000, lateGraceMs: 120_000, mode: 'sync' },
    })
    expect(spec.evaluate).toEqual({
      holdout: 0.25,
      tokens: 1024,
      guards: [{ metric: 'loss', worseBy: 0.01 }],
    })
    expect(spec.privacy).toEqual({ clip: 0.5 })
  })

  test('a schedule has a cron line, a zone and a window', () => {
    const schedule = { cron: '0 22 * * 1-5', timeZone: 'Europe/Oslo', window: '8h' }
    const read = { cron: '0 22 * * 1-5', timeZone: 'Europe/Oslo', windowMs: 28_800_000 }
    expect(parseRunSpec({ ...smallest, schedule }).schedule).toEqual(read)
    expect(parseRunSpec({ ...smallest, schedule: { cron: '0 3 * * *', window: '90m' } }).schedule).toEqual({
      ...{ cron: '0 3 * * *', timeZone: 'UTC', windowMs: 5_400_000 },
    })
  })

  test('a strategy has its settings, and those of others are refused by name', () => {
    const aggregateOf = (aggregate: object) => parseRunSpec({ ...smallest, aggregate }).aggregate
    expect(aggregateOf({ strategy: 'lora-fair' })).toMatchObject({ strategy: 'lora-fair', lambda: 0.01 })
    expect(aggregateOf({ strategy: 'fedrot' })).toMatchObject({ strategy: 'fedrot', lambda: 0.5 })
    expect(aggregateOf({ strategy: 'fedrot', lambda: 0 })).toMatchObject({ lambda: 0 })
    expect(aggregateOf({ strategy: 'flora' })).toMatchObject({ strategy: 'flora', maxRank: 256 })
    expect(aggregateOf({ strategy: 'fedex', maxRank: 40 })).toMatchObject({ maxRank: 40 })
    expect(aggregateOf({ strategy: 'svd' })).not.toHaveProperty('maxRank')
    expect(aggregateOf({ weights: { by: 'examples', atMost: 500 } }).weights).toEqual({
      ...{ by: 'examples', atMost: 500 },
    })
    const wrong = [
      { strategy: 'svd', lambda: 0.5 },
      { strategy: 'fedrot', lambda: 1.5 },
      { strategy: 'svd', maxRank: 40 },
      { weights: { by: 'uniform', atMost: 9 } },
      { weights: { by: 'loss' } },
    ]
    expect(wrong.map((aggregate) => refusal({ ...smallest, aggregate }).message)).toEqual([
      expect.stringContaining('"aggregate.lambda": is a setting of lora-fair'),
      expect.stringContaining('"aggregate.lambda": expected 0 (factors are not turned) to 1'),
      expect.stringContaining(
        '"aggregate.maxRank": is a setting of flora and fedex, and the strategy is svd',
      ),
      expect.stringContaining('"aggregate.weights.atMost"'),
      expect.stringContaining('"aggregate.weights.by"'),
    ])
  })

  test.each([
    [{ local: { ...smallest.local, optimizerState: 'keep' } }, 'local.optimizerState keep'],
    [{ update: { encoding: 'int8' } }, 'update.encoding int8'],
  ])(
    'what gives the factors another basis each round excludes what belongs to one basis: %o',
    (part, name) => {
      for (const strategy of ['svd', 'fedsvd', 'fedrot']) {
        const { code, message, action } = refusal({ ...smallest, ...part, aggregate: { strategy } })
        expect(code).toBe('LRC-3014')
        expect(message).toContain(`aggregate.strategy ${strategy} and ${name} exclude each other`)
        expect(action).toContain('fedavg')
      }
      expect(
        parseRunSpec({ ...smallest, ...part, aggregate: { strategy: 'rolora' } }).aggregate.strategy,
      ).toBe('rolora')
    },
  )

  test('a buffered run says how many updates close a round, and gets the weights of FedBuff', () => {
    const rounds = (more: object) => ({ ...smallest, rounds: { count: 9, mode: 'buffered', ...more } })
    const { buffer } = parseRunSpec(rounds({ buffer: { size: 3 } })).rounds
    const weight = { kind: 'polynomial', exponent: 0.5 }
    expect(buffer).toEqual({ size: 3, maxStaleness: 10, weight, shortens: false })
    const own = {
      size: 4,
      maxStaleness: null,
      weight: { kind: 'threshold', cutoff: 2, late: 0.3 },
      shortens: true,
    }
    expect(parseRunSpec(rounds({ buffer: own })).rounds.buffer).toEqual(own)
    expect(parseRunSpec(smallest).rounds).not.toHaveProperty('buffer')
    expect(refusal(rounds({})).message).toContain('"rounds.buffer": is what mode buffered needs')
    expect(refusal({ ...smallest, rounds: { count: 9, buffer: { size: 3 } } }).message).toContain(
      '"rounds.buffer": is a setting of mode buffered',
    )
    expect(refusal(rounds({ minimum: 4, buffer: { size: 3 } })).message).toContain(
      '"rounds.minimum": 4 is above rounds.buffer.size 3',
    )
    expect(
      refusal(rounds({ buffer: { size: 3, weight: { kind: 'threshold', cutoff: 1, late: 0 } } })).code,
    ).toBe('LRC-3001')
  })

  test.each([
    ['aggregate.strategy svd', { aggregate: { strategy: 'svd' } }, {}],
    ['aggregate.strategy rolora', { aggregate: { strategy: 'rolora' } }, {}],
    ['aggregate.robust norm-bound', { aggregate: { trust: 'robust', robust: { rule: 'norm-bound' } } }, {}],
    ['update.encoding int8', { update: { encoding: 'int8' } }, {}],
    ['rounds.goal 5', {}, { goal: 5 }],
    ['rounds.overSelect 25%', {}, { overSelect: '25%' }],
  ])('rounds.mode buffered and %s exclude each other', (name, part, more) => {
    const rounds = { count: 9, mode: 'buffered', buffer: { size: 3 }, minimum: 3, ...more }
    const { code, message, action } = refusal({ ...smallest, ...part, rounds })
    expect(code).toBe('LRC-3014')
    expect(message).toContain(`rounds.mode buffered and ${name}`)
    expect(action).toContain('rounds.mode to sync')
    const { mode: _, buffer: __, ...sync } = rounds
    expect(parseRunSpec({ ...smallest, ...part, rounds: sync }).rounds.mode).toBe('sync')
  })

  test('flora starts each round afresh, which what is kept does not fit; fedex goes on from the means', () => {
    const kept = [
      [{ local: { ...smallest.local, optimizerState: 'keep' } }, 'local.optimizerState keep'],
      [{ update: { encoding: 'bf16' } }, 'update.encoding bf16'],
    ] as const
    for (const [part, name] of kept) {
      const { code, message, action } = refusal({ ...smallest, ...part, aggregate: { strategy: 'flora' } })
      expect([code, action]).toEqual(['LRC-3014', expect.stringContaining('fedex')])
      expect(message).toContain(`aggregate.strategy flora and ${name} exclude each other`)
      expect(
        parseRunSpec({ ...smallest, ...part, aggregate: { strategy: 'fedex' } }).aggregate.strategy,
      ).toBe('fedex')
    }
  })

  test('updates travel in one of four encodings', () => {
    expect(parseRunSpec({ ...smallest, update: { encoding: 'int4' } }).update).toEqual({ encoding: 'int4' })
    expect(() => parseRunSpec({ ...smallest, update: { encoding: 'fp8' } })).toThrow('update.encoding')
  })

  test.each([
    ['peft.method', { peft: { method: 'dora' } }],
    ['data.format', { data: { maxTokens: 64, format: 'images' } }],
    ['rounds.mode', { rounds: { count: 2, mode: 'async' } }],
    ['aggregate.strategy', { aggregate: { strategy: 'fedprox' } }],
    ['base.model', { base: { model: 'hf:org/name@main' } }],
  ])('%s asks for something that is not available and is refused by name', (name, part) => {
    const { code, message, action } = refusal({ ...smallest, ...part })
    expect(code).toBe('LRC-3002')
    expect(message).toContain(name)
    expect(action.length).toBeGreaterThan(10)
  })

  test.each([
    ['local.learningRate', { local: { steps: 20, batch: 8, learningRate: -1 } }],
    ['rollout.groups', { rollout: { groups: [1] } }],
    ['rollout.groups.0.size', { rollout: { groups: [0, '100%'] } }],
    ['rollout.analysis.0.metric', { rollout: { analysis: [{ metric: 'speed' }] } }],
    ['schedule', { schedule: '0 3 * * *' }],
    ['schedule.cron', { schedule: { cron: '0 3 * *', window: '8h' } }],
    ['schedule.timeZone', { schedule: { cron: '0 3 * * *', timeZone: 'Mars/Base', window: '8h' } }],
    ['schedule.window', { schedule: { cron: '0 3 * * *' } }],
    ['local.steps', { local: { steps: 1.5, batch: 8, learningRate: 1e-3 } }],
    ['rounds.count', { rounds: {} }],
    ['rounds.deadline', { rounds: { count: 2, deadline: 'soon' } }],
    ['rounds.where', { rounds: { count: 2, where: 'gpu.vram >= 8' } }],
    ['rounds.overSelect', { rounds: { count: 2, goal: 4, overSelect: '200%' } }],
    ['rounds.minimum', { rounds: { count: 2, goal: 2, minimum: 3 } }],
    ['evaluate.holdout', { evaluate: { holdout: '95%' } }],
    ['evaluate.guards.0.worseBy', { evaluate: { guards: [{ metric: 'loss', worseBy: '1' }] } }],
    ['local.warmupSteps', { local: { steps: 2, batch: 8, learningRate: 1e-3, warmupSteps: 21 } }],
    ['name', { name: '../tone' }],
    ['lokal', { lokal: {} }],
    ['stepps', { local: { steps: 20, batch: 8, learningRate: 1e-3, stepps: 2 } }],
    ['seed', { seed: 2 ** 40 }],
  ])('a wrong %s is refused by name', (name, part) => {
    const { code, message } = refusal({ ...smallest, ...part })
    expect(code).toBe('LRC-3001')
    expect(message).toContain(name)
  })

  test.each([
    [
      { local: { ...smallest.local, warmUpSteps: 15 } },
      'run: "local": unknown key "warmUpSteps"; did you mean "warmupSteps"?',
      '"warmupSteps"',
    ],
    [{ agregate: {} }, 'run: unknown key "agregate"; did you mean "aggregate"?', '"aggregate"'],
    [{ base: { model: 'm', colour: 1 } }, 'run: "base": unknown key "colour"', 'one of model'],
    [
      { privacy: { clip: 1, dp: { unit: 'site', delta: 1e-6, epsilom: 8 } } },
      'run: "privacy.dp": unknown key "epsilom"; did you mean "epsilon"?',
      '"epsilon"',
    ],
  ])('an unknown key of %j is named with the one that was meant', (part, message, expected) => {
    const refused = refusal({ ...smallest, ...part })
    expect([refused.message, refused.expected]).toEqual([message, expected])
  })

  test('what is not a map is refused', () => {
    for (const raw of [null, 'run', [], 3]) expect(refusal(raw).code).toBe('LRC-3001')
  })
})

describe('parseDuration', () => {
  test('units are milliseconds to days', () => {
    expect(['250ms', '30s', '30m', '1.5h', '2d'].map(parseDuration)).toEqual([
      250, 30_000, 1_800_000, 5_400_000, 172_800_000,
    ])
  })

  test.each(['30', 'm', '-3s', '1e9d', '0s', '3 weeks', ''])('"%s" is refused', (text) => {
    expect(() => parseDuration(text)).toThrow('expected a duration')
  })
})

describe('parsePercentage', () => {
  test('percentages and shares are the same', () => {
    expect([parsePercentage('12.5%'), parsePercentage(0.125), parsePercentage('100%')]).toEqual([
      0.125, 0.125, 1,
    ])
  })

  test.each(['101%', '12', '-3%', 1.5, -0.1, Number.NaN])('%s is refused', (value) => {
    expect(() => parsePercentage(value)).toThrow('expected a')
  })
})
