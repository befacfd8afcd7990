import { createRandom, fillNormal } from '@lorica/peft-core'
import type { Comparison, GuardMetric, GuardSpec, Probed } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { findingText } from './finding-text.js'
import { guardFindings } from './guards.js'

/** Numbers of a fixed seed. */
function seeded(seed: number) {
  const random = createRandom(seed, 'trials')
  const one = new Float64Array(1)
  const normal = (): number => {
    fillNormal(one, random)
    return one[0] as number
  }
  return { uniform: () => random.uniform(), normal }
}

const sums = (values: readonly number[]) => ({
  count: values.length,
  sum: values.reduce((all, value) => all + value, 0),
  sumOfSquares: values.reduce((all, value) => all + value * value, 0),
})
function paired(adapter: readonly number[], against: readonly number[]): NonNullable<Probed['repetition']> {
  const difference = sums(adapter.map((value, at) => value - (against[at] as number)))
  return { adapter: sums(adapter).sum, against: sums(against).sum, difference }
}

const predictions = { right: 0, calibration: [{ labels: 4, confidence: 1, right: 0 }] }
const differences = { count: 4, sum: 0, sumOfSquares: 0 }
const comparisonOf = (probed: Probed): Comparison => ({
  ...{ adapter: predictions, against: predictions, againstLossSum: 8 },
  ...{ loss: differences, accuracy: differences, probed },
})

function find(guard: GuardSpec, agents: readonly Probed[], labels: readonly string[] = []) {
  const names = agents.map((_, at) => `agent-${at}`)
  const measured = {
    ...{ loss: 2, tokens: 4 * agents.length, seconds: 1 },
    perAgent: names.map((agentId) => ({ agentId, loss: 2, tokens: 4 })),
    comparisons: agents.map((probed, at) => ({
      agentId: `agent-${at}`,
      comparison: comparisonOf(probed),
    })),
  }
  const labelsOf = (agentId: string) => ({ site: labels[names.indexOf(agentId)] ?? 'none' })
  const [found] = guardFindings([guard], measured, null, labelsOf)
  if (found === undefined) throw new RangeError('expected a finding, got none')
  return found
}

const run = (adapter: number, against: number, first: readonly [number, number] | null = null) => ({
  ...{ adapter, against },
  ...{ adapterFirst: first?.[0] ?? null, againstFirst: first?.[1] ?? null },
})
const cost = (runs: NonNullable<Probed['cost']>['runs'], peaks: readonly [number, number] = [100, 100]) => ({
  cost: { runs, adapterPeakBytes: peaks[0], againstPeakBytes: peaks[1] },
})

describe('latency', () => {
  test('is the median of the ratios of pairs, which a run that was disturbed does not move', () => {
    const told = cost([run(21, 20), run(22, 20), run(900, 20), run(42, 40), run(10.4, 10)])
    const found = find({ metric: 'latency', worseBy: 0.1 }, [told])
    expect(found).toMatchObject({ verdict: 'pass', before: 20, allowed: 2, examples: 5 })
    expect(found.value).toBeCloseTo(21, 9) // ratios 1.04 1.05 1.05 1.1 45
    expect(findingText(find({ metric: 'latency', worseBy: 0.02 }, [told]))).toBe(
      'latency 21.0 ms, before 20.0 ms: worse by more than 2.0%',
    )
  })

  test('of too few runs for a confidence is left to a person', () => {
    const found = find({ metric: 'latency', worseBy: 0.1, confidence: 0.95 }, [cost([run(9, 9), run(9, 9)])])
    expect(found).toMatchObject({ verdict: 'inconclusive', interval: null })
    expect(findingText(found)).toContain(
      'too few runs to tell whether the latency is worse by more than 10.0%',
    )
  })

  test('of first tokens looks at the time until an answer begins', () => {
    const told = cost(Array.from({ length: 12 }, (_, at) => run(50, 50, [8 + at / 100, 5])))
    const found = find({ metric: 'first-token', worseBy: 0.2, confidence: 0.95 }, [told])
    expect(found.verdict).toBe('fail')
    expect(find({ metric: 'latency', worseBy: 0.2, confidence: 0.95 }, [told]).verdict).toBe('pass')
    expect(find({ metric: 'first-token', worseBy: 0.2 }, [cost([run(1, 1)])]).verdict).toBe('inconclusive')
  })
})

test('memory is that of the candidate beside the one before, at the worst agent where each is asked about', () => {
  const agents = [cost([run(1, 1)], [220, 200]), cost([run(1, 1)], [400, 400])]
  expect(find({ metric: 'memory', worseBy: 0.05 }, agents)).toMatchObject({
    ...{ verdict: 'pass', value: 310, before: 300, allowed: 15 },
  })
  expect(find({ metric: 'memory', worseBy: 0.05, of: 'each' }, agents)).toMatchObject({
    ...{ verdict: 'fail', agentId: 'agent-0', value: 220, before: 200 },
  })
})

test('memory of GPUs counts where it is known, and is said to be unknown where it is not', () => {
  const told = (gpu: object) => {
    const { cost: whole } = cost([run(1, 1)], [220, 200])
    return { cost: { ...whole, ...gpu } }
  }
  const known = told({ adapterGpuBytes: 900, againstGpuBytes: 500 })
  const unknown = told({ adapterGpuBytes: null, againstGpuBytes: null })
  const half = told({ adapterGpuBytes: 900, againstGpuBytes: null })
  const guard = { metric: 'memory', worseBy: 0.3 } as const
  expect(find(guard, [told({}), known])).toMatchObject({
    ...{ verdict: 'fail', value: (220 + 1120) / 2, before: (200 + 700) / 2 },
    gpu: { value: 900, before: 500, agents: 1 },
  })
  for (const agent of [unknown, half])
    expect(find(guard, [agent])).toMatchObject({ verdict: 'pass', value: 220, before: 200, gpu: null })
  expect(findingText(find(guard, [known]))).toBe(
    'memory 0 MiB, before 0 MiB (0 MiB and 0 MiB of it on GPUs, at 1 agent): worse by more than 30.0%',
  )
  expect(findingText(find(guard, [unknown]))).toContain('before 0 MiB (that of GPUs is not known): not worse')
  expect(find(guard, [told({})])).not.toHaveProperty('gpu')
})

describe('rates of answers', () => {
  const before = [0.1, 0.3, 0.2, 0.4, 0.1, 0.3]
  const worse = before.map((rate, at) => rate + 0.3 + at / 100)

  test('are compared prompt by prompt; other agents with the same prompts make nothing surer', () => {
    const told = { repetition: paired(worse, before) }
    const guard: GuardSpec = { metric: 'repetition', worseBy: 0.05, confidence: 0.95 }
    const [one, three] = [find(guard, [told]), find(guard, [told, told, told])]
    expect(one).toMatchObject({ verdict: 'fail', examples: 6 })
    // mean 0.325, variance 3.5e-4, t(5; .975) = 2.5705818
    expect(one.interval?.low).toBeCloseTo(0.325 - 2.5705818 * Math.sqrt(3.5e-4 / 6), 6)
    expect(three.interval?.low).toBeCloseTo(one.interval?.low as number, 12)
    expect(find(guard, [{ repetition: paired(before, before) }]).verdict).toBe('pass')
  })

  test('of words that no answer had are not known to be 0', () => {
    const none = new Array<number>(16).fill(0)
    const guard: GuardSpec = { metric: 'words', worseBy: 0.05, confidence: 0.95 }
    const found = find(guard, [{ words: paired(none, none) }])
    expect(found.verdict).toBe('inconclusive')
    expect(found.interval?.high).toBeCloseTo(2.1098156 * Math.sqrt(1 / 17 / 18), 6) // 18 differences, squares 1
    const bad = none.map((_, at) => (at < 12 ? 1 : 0))
    expect(find(guard, [{ words: paired(bad, none) }]).verdict).toBe('fail')
    expect(find({ metric: 'words', worseBy: 0 }, [{ words: paired(none, none) }]).verdict).toBe('pass')
  })
})

test('the loss on public texts may rise by a share of what it was', () => {
  const before = [2, 3, 2.5, 3.5]
  const after = before.map((loss, at) => loss + 0.5 + at / 50)
  const guard: GuardSpec = { metric: 'out-of-distribution', worseBy: 0.1, confidence: 0.9 }
  expect(find(guard, [{ reference: paired(after, before) }])).toMatchObject({ verdict: 'fail', before: 2.75 })
  expect(find({ ...guard, worseBy: 0.3 }, [{ reference: paired(after, before) }]).verdict).toBe('pass')
})

describe('public texts in training data', () => {
  const overlap = (found: number, heldOut = 0, heldOutFound = 0) => ({
    overlap: { items: 20, found, heldOut, heldOutFound },
  })

  test('are as many as one agent has at least, and as all of them have together at most', () => {
    const guard = (worseBy: number): GuardSpec => ({ metric: 'contamination', worseBy })
    const agents = [overlap(2), overlap(3), overlap(0)]
    expect(find(guard(0.25), agents)).toMatchObject({ verdict: 'pass', value: 0.15, allowed: 0.25 })
    expect(find(guard(0.2), agents).verdict).toBe('inconclusive')
    const found = find(guard(0.1), agents)
    expect(found.verdict).toBe('fail')
    expect(findingText(found)).toBe(
      'contamination: training data has a part of 15.0% to 25.0% of 20 public texts: more than the 10.0% that are allowed',
    )
    expect(find(guard(0), [overlap(0), overlap(0)]).verdict).toBe('pass')
  })

  test('held-out examples that are in the training data of their own agent', () => {
    const found = find({ metric: 'leakage', worseBy: 0.1 }, [overlap(0, 30, 1), overlap(0, 10, 2)])
    expect(found).toMatchObject({ verdict: 'pass', value: 0.075, examples: 40 })
    const each = find({ metric: 'leakage', worseBy: 0.1, of: 'each' }, [overlap(0, 30, 1), overlap(0, 10, 2)])
    expect(each).toMatchObject({ verdict: 'fail', agentId: 'agent-1', value: 0.2 })
    expect(find({ metric: 'leakage', worseBy: 0 }, [{}]).verdict).toBe('inconclusive')
  })
})

test('the worst group of a label is found where the mean of all hides it', () => {
  const [good, bad] = [cost([run(1, 1)], [80, 100]), cost([run(1, 1)], [115, 100])]
  const agents = [good, bad, good, bad]
  const guard: GuardSpec = { metric: 'memory', worseBy: 0.1 }
  expect(find(guard, agents).verdict).toBe('pass')
  const found = find({ ...guard, of: 'label.site' }, agents, ['oslo', 'graz', 'oslo', 'graz'])
  expect(found).toMatchObject({ verdict: 'fail', group: 'graz', value: 115, of: 'label.site' })
  expect(findingText(found)).toContain('memory of label.site graz')
})

type Equal = (random: ReturnType<typeof seeded>) => Probed

/** What an agent tells of two adapters that are as good, in metrics that have an interval. */
const equals: readonly { readonly metric: GuardMetric; readonly equal: Equal }[] = [
  {
    metric: 'latency',
    equal: ({ normal, uniform }) =>
      cost(
        Array.from({ length: 16 }, () => {
          const speed = 20 * Math.exp(0.3 * normal()) // of the machine at this moment
          const time = () => speed * Math.exp(0.05 * normal()) * (uniform() < 0.1 ? 4 : 1)
          return run(time(), time())
        }),
      ),
  },
  {
    metric: 'repetition',
    equal: ({ uniform }) => {
      const rates = () => Array.from({ length: 24 }, () => 0.4 * uniform() ** 2)
      return { repetition: paired(rates(), rates()) }
    },
  },
  {
    metric: 'words',
    equal: ({ uniform }) => {
      const rates = () => Array.from({ length: 48 }, () => (uniform() < 0.1 ? 1 : 0))
      return { words: paired(rates(), rates()) }
    },
  },
  {
    metric: 'out-of-distribution',
    equal: ({ normal }) => {
      const texts = Array.from({ length: 24 }, () => 3 + 0.7 * normal())
      return {
        reference: paired(
          texts.map((loss) => loss + 0.05 * normal()),
          texts,
        ),
      }
    },
  },
]

test.each(equals)('an equal candidate seldom fails a guard of $metric', ({ metric, equal }) => {
  const random = seeded(7)
  let failed = 0
  for (let trial = 0; trial < TRIALS; trial++)
    if (find({ metric, worseBy: 0, confidence: 0.95 }, [equal(random)]).verdict === 'fail') failed++
  expect(failed / TRIALS).toBeLessThan(0.045) // 2.5 % on one side, and four standard deviations
})
const TRIALS = 1000
