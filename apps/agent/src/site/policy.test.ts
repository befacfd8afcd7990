import type { EvaluateAssignment, TrainAssignment } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { forbidden, type Policy, policySchema, sumsOf } from './policy.js'

const sha256 = 'ab'.repeat(32)
const weights = { path: 'adapter_model.safetensors', sha256, sizeBytes: 4_000_000 }
const config = { path: 'adapter_config.json', sha256, sizeBytes: 800 }
const origin = {
  ...{ assignmentId: 'a1', runId: 'r1', round: 3, deadlineMs: 9000 },
  base: { sha256, files: [{ path: 'config.json', sha256, sizeBytes: 12 }] },
  adapter: { version: 2, files: [weights, config] },
  data: { format: 'chat', maxTokens: 512, holdout: 0.1 },
} as const
const training = {
  ...{ ...origin, kind: 'train', seed: 11, maxUpdateNorm: 2 },
  peft: { method: 'lora', rank: 16, alpha: 32, targets: 'all-linear', rslora: false },
  local: {
    ...{ steps: 40, batch: 2, accumulate: 3, learningRate: 0.003, weightDecay: 0.1, clipNorm: 1 },
    ...{ schedule: 'linear', warmupSteps: 2, optimizerState: 'keep', totalSteps: 200, firstStep: 80 },
  },
} as unknown as TrainAssignment
const measuring = {
  ...origin,
  kind: 'evaluate',
  batch: 2,
  maxTokensEvaluated: null,
} as unknown as EvaluateAssignment

const at = (hour: number, bytesToday = 0) => ({ now: new Date(2026, 10, 3, hour, 30), bytesToday })
const why = (policy: Policy, assignment: TrainAssignment | EvaluateAssignment = training, moment = at(12)) =>
  forbidden(policySchema.parse(policy), assignment, moment)

test('what is not limited is allowed', () => {
  expect(why({})).toBeUndefined()
  expect(
    why({ maxRank: 16, maxSteps: 120, maxRowTokens: 512, formats: ['chat'], maxUpdateNorm: 2 }),
  ).toBeUndefined()
})

test.each<[Policy, string]>([
  [{ bases: ['cd'.repeat(32)] }, 'base abababababab… is not among the 1 that this site allows'],
  [{ methods: [] }, 'method lora, this site allows none'],
  [{ maxRank: 15 }, 'rank 16, this site allows at most 15'],
  [{ maxSteps: 119 }, 'steps 120, this site allows at most 119'],
  [{ maxRowTokens: 511 }, 'tokens of a row 512, this site allows at most 511'],
  [{ formats: ['text', 'tokens'] }, 'data of the form chat, this site allows text, tokens'],
  [{ maxUpdateNorm: 1.5 }, 'privacy.clip is 2, this site asks for at most 1.5'],
  [{ minHoldout: 0.2 }, 'evaluate.holdout is 0.1, this site asks for at least 0.2'],
  [{ hours: '22:00-06:00' }, 'it is outside the hours 22:00-06:00 of this site'],
  [{ bytesPerDay: '8MB' }, '8000800 bytes would have been moved today, this site allows 8000000'],
])('%j declines with its reason', (policy, reason) => {
  expect(why(policy)).toBe(reason)
})

test('an update that is not clipped at all is above every bound', () => {
  expect(why({ maxUpdateNorm: 50 }, { ...training, maxUpdateNorm: null })).toBe(
    'privacy.clip is not set, this site asks for at most 50',
  )
})

test('hours reach over midnight, and any of several will do', () => {
  const night: Policy = { hours: ['22:00-06:00', '12:00-12:31'] }
  expect([23, 0, 5, 6, 12, 13, 21].map((hour) => why(night, training, at(hour)) === undefined)).toEqual([
    ...[true, true, true, false, true, false, false],
  ])
})

test('a measurement moves the adapter once, and needs no clipping', () => {
  expect(why({ bytesPerDay: 4_000_800, maxUpdateNorm: 1, maxRank: 1 }, measuring)).toBeUndefined()
  expect(why({ maxRank: 4 }, { ...training, rank: 4 })).toBeUndefined()
  expect(why({ maxRank: 4 }, { ...training, rank: 5 })).toBe('rank 5, this site allows at most 4')
  expect(why({ bytesPerDay: 4_000_800 }, measuring, at(12, 1))).toBe(
    '4000801 bytes would have been moved today, this site allows 4000800',
  )
})

test('whether a named text is in the training data is told only where the site says so', () => {
  const asks = (items: readonly number[]) =>
    ({ ...measuring, probes: { overlap: { items } } }) as EvaluateAssignment
  expect(why({}, asks([4]))).toContain('this site does not tell (policy.yaml: textOverlap)')
  expect(why({ textOverlap: false }, asks([2, 5]))).toContain('does not tell')
  expect(why({ textOverlap: true }, asks([4]))).toBeUndefined()
  expect(why({}, asks([]))).toBeUndefined() // of its own held-out examples
})

test.each([
  [{ hours: '25:00-06:00' }, 'expected hours such as 22:00-06:00'],
  [{ hours: '06:00-06:00' }, 'expected hours'],
  [{ bytesPerDay: '5 XB' }, 'expected a size such as 500MB'],
  [{ bases: ['abc'] }, 'expected 64 hexadecimal digits'],
  [{ maxRanks: 3 }, 'maxRanks'],
  [{ maxRank: 0 }, 'expected number to be >=1'],
])('%j is no policy: %s', (policy, message) => {
  expect(JSON.stringify(policySchema.safeParse(policy).error?.issues)).toContain(message)
})

test('where a site counts what it spends, only clipped updates with noise of agents leave, and no loss', () => {
  const policy = { siteBudget: { maxEpsilon: 8, delta: 1e-5 } }
  const noisy: TrainAssignment = { ...training, maxUpdateNorm: 0.5, noise: { multiplier: 0.7 } }
  expect(why(policy, noisy)).toBeUndefined()
  expect(why(policy, { ...noisy, maxUpdateNorm: null })).toContain('without noise of agents')
  expect(why(policy)).toContain('this site counts what it spends')
  expect(why(policy, measuring)).toContain('a loss would leave without noise')
})

test('where a site demands noise, an update leaves with at least so much, and a loss not at all', () => {
  const policy = { minNoise: 0.8 }
  const noisy = (multiplier: number): TrainAssignment => ({ ...training, noise: { multiplier } })
  expect(why(policy, noisy(0.8))).toBeUndefined()
  expect(why(policy, noisy(0.79))).toBe(
    'the update would leave with noise of 0.79 times the clip, this site asks for at least 0.8 (privacy.dp.noise agent, or shared)',
  )
  expect(why(policy)).toContain('with noise of 0 times the clip')
  expect(why(policy, noisy(Number.NaN))).toContain('NaN times')
  expect(why(policy, measuring)).toContain('a loss would leave without noise')
  const shared = (deviation: number): TrainAssignment => ({
    ...{ ...training, maxUpdateNorm: 0.5 },
    secure: {
      ...{ attempt: 1, elements: 4, ring: { agents: 9, bound: 2, fractionBits: 8, bits: 32 } },
      ...{ degree: 8, threshold: 5, minSurvivors: 6, noise: { deviation, honest: 4 } },
    },
  })
  expect(why(policy, shared(0.4))).toBeUndefined() // of a clip of 0.5, by this agent alone
  expect(why(policy, shared(0.39))).toContain('with noise of 0.78 times the clip')
  expect(why({}, measuring)).toBeUndefined()
})

test('a site may demand that its updates and losses leave as parts of sums only, and of how many agents', () => {
  const ring = { agents: 9, bound: 2, fractionBits: 26, bits: 32 }
  const secure = { attempt: 1, elements: 8, ring, degree: 8, threshold: 5, minSurvivors: 6 }
  const summed: TrainAssignment = { ...training, secure }
  for (const policy of [
    { secureAggregation: 'required' },
    { secureAggregation: { minAgents: 6 } },
  ] as Policy[]) {
    expect(why(policy)).toBe('the update would be seen by itself, this site asks for aggregate.trust private')
    expect(why(policy, summed)).toBeUndefined()
    expect(why(policy, measuring)).toBe(
      'the loss would be seen by itself, this site asks for aggregate.trust private',
    )
    expect(why(policy, { ...measuring, secure })).toBeUndefined()
  }
  const seven = { secureAggregation: { required: false, minAgents: 7 } } as Policy
  expect(why(seven, summed)).toBe('a sum of 6 agents, this site asks for at least 7')
  expect(why(seven, { ...measuring, secure })).toBe('a sum of 6 agents, this site asks for at least 7')
  expect(why(seven)).toBeUndefined()
  expect(policySchema.safeParse({ secureAggregation: 'yes' }).success).toBe(false)
  expect(policySchema.safeParse({ secureAggregation: { minAgents: 1 } }).success).toBe(false)
  const [one, two] = ['1'.repeat(32), '2'.repeat(32)] as const
  const known = (peers: readonly string[]) =>
    policySchema.safeParse({ secureAggregation: { minAgents: 3, peers } })
  expect(sumsOf(known([one, two]).data as Policy)).toEqual({
    ...{ isRequired: true, minAgents: 3, peers: new Set([one, two]) },
  })
  expect(known([one, one]).success).toBe(false)
  expect(known([one, 'site-2']).success).toBe(false)
})
