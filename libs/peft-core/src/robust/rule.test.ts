import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Matrix } from '../linear-algebra/matrix.js'
import { rowProducts } from '../linear-algebra/row-products.js'
import { createRandom, fillNormal } from '../train/random.js'
import { combined, expected, parts, readerOf, updatesOf } from './robust-case.fixture.js'
import { type RobustRule, robustValues, robustWeights, type WholeRule } from './rule.js'

const start = readerOf(expected.start)
const { both, frozen } = expected
const size = both.adapters.length
const gram: Matrix = { rows: size, columns: size, data: Float64Array.from(both.gram) }

const resultOf = (rule: WholeRule): readonly number[] => combined(both.updates, robustWeights(gram, rule))

async function valuesOf(adapters: typeof frozen.adapters, rule: Parameters<typeof robustValues>[1]) {
  const found = []
  for await (const values of robustValues({ start, updates: updatesOf(adapters), parts }, rule))
    found.push(values)
  return found
}

function expectNear(got: readonly number[], wanted: readonly number[], most = 1e-9): void {
  for (const [at, value] of wanted.entries())
    expect(Math.abs(got[at]! - value), `value ${at}`).toBeLessThan(most)
}

describe('numpy gets the same from dense updates', () => {
  test.each([
    ['krum', { rule: 'krum', liars: 2 }, 1e-9],
    ['multiKrum', { rule: 'multi-krum', liars: 2, kept: 4 }, 1e-9],
    ['normBound', { rule: 'norm-bound', maxNorm: 'median' }, 1e-9],
    ['geometricMedian', { rule: 'geometric-median' }, 1e-5], // of a minimiser that knows no Weiszfeld
    ['centredClipping', { rule: 'centred-clipping', radius: 2.5, steps: 4 }, 1e-9],
    ['trustedRoot', { rule: 'trusted-root', root: 3 }, 1e-9],
  ] as const)('%s', (name, rule, most) => {
    expectNear(resultOf(rule), both[name], most)
  })

  test.each([
    ['median', { rule: 'median', liars: 2 }],
    ['trimmedMean', { rule: 'trimmed-mean', liars: 2, share: 0.28 }],
    ['bulyan', { rule: 'bulyan', liars: 2 }],
  ] as const)('%s', async (name, rule) => {
    const found = await valuesOf(frozen.adapters, rule)
    expect(found.map(({ name: of, factor }) => [of, factor])).toEqual([
      ['q', 'b'],
      ['v', 'b'],
      ['head', null],
    ])
    expectNear(
      found.flatMap(({ values }) => [...values]),
      frozen[name],
    )
  })
})

const wholeRules = [
  { rule: 'norm-bound', maxNorm: 'median' },
  { rule: 'krum', liars: 2 },
  { rule: 'multi-krum', liars: 2 },
  { rule: 'geometric-median' },
  { rule: 'centred-clipping', radius: 'median' },
  { rule: 'trusted-root', root: 0 },
] as const satisfies readonly WholeRule[]

/** Updates of `width` values, as rows, and their Gram matrix. */
const rowsOf = (count: number, width = 5) =>
  fc.array(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: width, maxLength: width }), {
    minLength: count,
    maxLength: count,
  })

/** Rows of 5 normal numbers: no two of their distances are equal. */
function unlikeRows(count: number, seed: number): readonly (readonly number[])[] {
  const values = new Float64Array(5 * count)
  fillNormal(values, createRandom(seed, 'rows'))
  return Array.from({ length: count }, (_, at) => [...values.subarray(5 * at, 5 * at + 5)])
}

const gramOf = (rows: readonly (readonly number[])[]): Matrix =>
  rowProducts({ rows: rows.length, columns: rows[0]!.length, data: Float64Array.from(rows.flat()) })

const mixed = (rows: readonly (readonly number[])[], weights: readonly number[]): readonly number[] =>
  combined(rows.flat(), weights)

const productOf = (row: readonly number[], other: readonly number[]): number =>
  row.reduce((sum, value, at) => sum + value * other[at]!, 0)

const lengthOf = (values: readonly number[]): number => Math.hypot(...values)

describe('whole updates', () => {
  test.each(wholeRules)('$rule gives the same change in whatever order the updates come', (rule) => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 6 }), (seed, turn) => {
        const [first, ...rest] = unlikeRows(8, seed)
        fc.pre(rest.some((row) => productOf(row, first!) > 1e-3)) // somebody to trust
        const rows = [first!, ...rest]
        const moved = [first!, ...rest.slice(turn), ...rest.slice(0, turn)]
        const [one, other] = [rows, moved].map((all) => mixed(all, robustWeights(gramOf(all), rule)))
        expectNear(other!, one!, 1e-6)
      }),
      { numRuns: 40 },
    )
  })

  test.each([
    { rule: 'krum', liars: 3 },
    { rule: 'multi-krum', liars: 3 },
    { rule: 'trusted-root', root: 0 },
  ] as const)(
    '$rule: three of ten that agree on a lie of length 1e6 move the result no further than the longest honest update',
    (rule) => {
      fc.assert(
        fc.property(rowsOf(7), rowsOf(1), (honest, [direction]) => {
          const own = honest.map((row) => row.map((value) => value + 2)) // alike, so that the root trusts them
          fc.pre(lengthOf(direction!) > 0.1)
          const lie = direction!.map((value) => (value * 1e6) / lengthOf(direction!))
          const rows = [...own, lie, lie, lie]
          const result = mixed(rows, robustWeights(gramOf(rows), rule))
          expect(lengthOf(result)).toBeLessThanOrEqual(Math.max(...own.map(lengthOf)) * (1 + 1e-6))
        }),
        { numRuns: 40 },
      )
    },
  )

  test('the geometric median and centred clipping stay near the honest updates; the mean does not', () => {
    const honest = Array.from({ length: 7 }, (_, at) => [2 + 0.1 * at, 1 - 0.05 * at, 3, 0.5 * (at % 2)])
    const rows = [...honest, ...Array.from({ length: 3 }, () => [-1e6, 1e6, 0, 0])]
    const centre = mixed(
      honest,
      honest.map(() => 1 / 7),
    )
    const away = (weights: readonly number[]): number =>
      lengthOf(mixed(rows, weights).map((value, at) => value - centre[at]!))
    expect(away(robustWeights(gramOf(rows), { rule: 'geometric-median', liars: 3 }))).toBeLessThan(0.6)
    expect(
      away(robustWeights(gramOf(rows), { rule: 'centred-clipping', radius: 2, steps: 10 })),
    ).toBeLessThan(2)
    expect(away(rows.map(() => 0.1))).toBeGreaterThan(1e5)
  })

  test('Multi-Krum that keeps all with no liars is the mean', () => {
    expect(robustWeights(gram, { rule: 'multi-krum', liars: 0, kept: size })).toEqual(
      both.adapters.map(() => 1 / size),
    )
  })

  test('an update of length 0 passes the bound, and is not trusted by direction', () => {
    const rows = [
      [3, 4],
      [0, 0],
      [6, 8],
    ]
    expect(robustWeights(gramOf(rows), { rule: 'norm-bound', maxNorm: 2.5 })).toEqual([
      0.5 / 3,
      1 / 3,
      0.25 / 3,
    ])
    expect(robustWeights(gramOf(rows), { rule: 'trusted-root', root: 0 })).toEqual([0, 0, 0.5])
  })

  test('equal updates have no spread, and their median is any of them', () => {
    const rows = [
      [3, 4],
      [3, 4],
      [3, 4],
    ]
    expectNear(mixed(rows, robustWeights(gramOf(rows), { rule: 'geometric-median' })), [3, 4])
    const none = [
      [0, 0],
      [0, 0],
      [0, 0],
    ]
    expect(mixed(none, robustWeights(gramOf(none), { rule: 'geometric-median' }))).toEqual([0, 0])
  })
})

const eight = gramOf(Array.from({ length: 8 }, (_, at) => [at, 1, at * at]))

test.each([
  [{ rule: 'krum', liars: 3 }, 'Krum against 3 liars expected at least 9 updates (2 * liars + 3), got 8'],
  [{ rule: 'multi-krum', liars: 3, kept: 2 }, 'at least 9 updates'],
  [{ rule: 'multi-krum', liars: 2, kept: 5 }, 'expected to keep 1 to 4, got 5'],
  [{ rule: 'multi-krum', liars: 0, kept: 9 }, 'expected to keep 1 to 8, got 9'],
  [{ rule: 'krum', liars: 1.5 }, 'a whole number of liars, got 1.5'],
  [{ rule: 'geometric-median', liars: 4 }, 'at least 9 updates (2 * liars + 1), got 8'],
  [{ rule: 'geometric-median', smoothing: 0 }, 'smoothing expected a number above 0, got 0'],
  [{ rule: 'norm-bound', maxNorm: 0 }, 'maxNorm expected a number above 0 or "median", got 0'],
  [{ rule: 'centred-clipping', radius: -1 }, 'radius expected a number above 0 or "median", got -1'],
  [{ rule: 'centred-clipping', radius: 1, steps: 0 }, 'steps expected a whole number of 1 or more, got 0'],
  [{ rule: 'centred-clipping', radius: 1, centre: [1] }, 'centre expected 8 weights, got 1'],
  [{ rule: 'trusted-root', root: 8 }, 'the place of one of 8 updates, got 8'],
] as const satisfies readonly (readonly [WholeRule, string])[])('%j is refused', (rule, message) => {
  expect(() => robustWeights(eight, rule)).toThrow(new RegExp(message.replace(/[()*+.?]/g, '\\$&')))
})

test('a root that changed nothing, or that all others contradict, is refused', () => {
  const rule = { rule: 'trusted-root', root: 0 } as const
  expect(() =>
    robustWeights(
      gramOf([
        [0, 0],
        [1, 2],
      ]),
      rule,
    ),
  ).toThrow('expected a change, got none')
  expect(() =>
    robustWeights(
      gramOf([
        [1, 2],
        [-1, -1],
      ]),
      rule,
    ),
  ).toThrow('got none to trust')
})

test.each([
  [
    { rule: 'bulyan', liars: 3 },
    'Bulyan against 3 liars expected at least 15 updates (4 * liars + 3), got 11',
  ],
  [{ rule: 'median', liars: 6 }, 'the median against 6 liars expected at least 13 updates'],
  [{ rule: 'trimmed-mean', liars: 3, share: 0.2 }, 'expected share * updates above 3, got 0.2 * 11'],
  [{ rule: 'trimmed-mean', liars: 2, share: 0.55 }, 'got 0.55'],
] as const satisfies readonly (readonly [RobustRule, string])[])('%j is refused', async (rule, message) => {
  await expect(valuesOf(frozen.adapters, rule)).rejects.toThrow(message)
})

describe('single values', () => {
  test.each([
    { rule: 'median', liars: 2 },
    { rule: 'trimmed-mean', liars: 2, share: 0.28 },
    { rule: 'bulyan', liars: 2 },
  ] as const)(
    '$rule is refused when both factors were trained, since their basis is arbitrary',
    async (rule) => {
      await expect(valuesOf(both.adapters, rule)).rejects.toThrow(
        '"q" expected one factor to be frozen, got updates that change A and B',
      )
    },
  )

  test('another rank or scaling is refused by update', async () => {
    await expect(
      valuesOf([frozen.adapters[0]!, expected.mixed.adapters[3]!], { rule: 'median', liars: 0 }),
    ).rejects.toThrow('update agent-1 expected rank 2 and scaling 1.5 of "q", got 2 and 11.3')
  })

  test.each([
    { rule: 'median', liars: 3 },
    { rule: 'trimmed-mean', liars: 3, share: 0.31 },
  ] as const)('$rule: lies of 1e6 leave every value within those of honest updates', async (rule) => {
    const honest = frozen.adapters.slice(0, 8)
    const liar = { ...expected.start, head: expected.start.head.map((_, at) => (at % 2 === 0 ? 1e6 : -1e6)) }
    const found = await valuesOf([...honest, liar, liar, liar], rule)
    const head = found.at(-1)!.values
    for (const [at, value] of head.entries()) {
      const all = honest.map((adapter) => adapter.head[at]!)
      expect(value).toBeGreaterThanOrEqual(Math.min(...all))
      expect(value).toBeLessThanOrEqual(Math.max(...all))
    }
  })

  test('a value that is no number is told with its update', async () => {
    const damaged = { ...frozen.adapters[1]!, head: [1, Number.NaN, 2, 3] }
    await expect(valuesOf([frozen.adapters[0]!, damaged], { rule: 'median', liars: 0 })).rejects.toThrow(
      'update agent-1: head expected finite values, got NaN',
    )
  })
})
