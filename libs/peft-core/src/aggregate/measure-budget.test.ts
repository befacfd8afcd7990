import { expect, test } from 'vitest'
import { contributed, randomAdapter } from './agents.fixture.js'
import { strategyOf } from './strategies.js'

// Of ranks 3 and 5, inner products of all factors take 8 * 8 * (7 + 12) = 1216 multiplications for q and 8 * 8 * (15 + 9) = 1536 for v.
const members = [
  contributed('a', 1, randomAdapter({ rank: 3, alpha: 6 }, 1)),
  contributed('b', 3, randomAdapter({ rank: 5, alpha: 10 }, 2)),
]

test.each([
  [2752, ['model.q', 'model.v']],
  [2751, ['model.q']],
  [1215, []],
])('with %i multiplications to spend, %j are measured, and the release is the same', async (most, wanted) => {
  for (const spec of [
    { strategy: 'hetlora' },
    { strategy: 'svd', balance: 'b', partition: false },
  ] as const) {
    const plan = { start: null, round: 1, measured: true }
    const aggregateOf = async (more: object) => {
      const aggregation = strategyOf(spec).open({ ...plan, ...more })
      for (const member of members) await aggregation.fold(member)
      return aggregation.close()
    }
    const { candidate, report } = await aggregateOf({ mostMultiplications: most })
    const whole = await aggregateOf({})
    expect(report.modules.map(({ module }) => module)).toEqual(wanted)
    expect(report.modules).toEqual(whole.report.modules.slice(0, wanted.length))
    expect(report.notes.some((note) => note.startsWith(`${wanted.length} of 2 modules were measured`))).toBe(
      most < 2752,
    )
    expect(candidate.tensors).toEqual(whole.candidate.tensors)
  }
})
