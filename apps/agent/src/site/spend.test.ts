import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { siteChargeOf } from './site-charge.js'
import { spendingFrom } from './spend.js'

const own = { noise: { multiplier: 1 }, maxUpdateNorm: 3 } as Parameters<typeof siteChargeOf>[0]
const shared = {
  maxUpdateNorm: 2,
  secure: { noise: { deviation: 0.5 * (1 + 2 ** -20), honest: 16 } },
} as Parameters<typeof siteChargeOf>[0]

async function withPolicy(policy: string, act: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-spend-'))
  try {
    await writeFile(join(folder, 'policy.yaml'), policy)
    await act(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('a site counts by the noise of this agent, or that of the honest ones in a sum, over the clip', () => {
  expect(siteChargeOf(own)).toMatchObject({ unit: 'site', noiseMultiplier: 1, sampling: 'none', steps: 1 })
  expect(siteChargeOf(shared)?.noiseMultiplier).toBeCloseTo((0.5 * 4) / 2, 12)
  expect(siteChargeOf(shared)?.apart).toBeGreaterThan(0)
  expect(siteChargeOf({ ...shared, dp: { unit: 'example' } } as typeof shared)).toBeUndefined() // its examples paid
  expect(siteChargeOf({ maxUpdateNorm: 2 } as Parameters<typeof siteChargeOf>[0])).toBeUndefined()
})

/** Epsilon of ten releases with noise 1 at delta 1e-5: 17.85658683, by dp_accounting. */
test.each([
  ['17.8566', 10],
  ['17.8565', 9],
])(
  'a budget of %s is enough for %i releases with noise of their clip, whatever a coordinator asks for',
  (budget, most) =>
    withPolicy(`siteBudget: { maxEpsilon: ${budget} }\n`, async (folder) => {
      const { asSite } = spendingFrom(folder, ['/data/a.txt'])
      const asked = await Promise.allSettled(Array.from({ length: 12 }, () => asSite(own)))
      expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(most)
      await expect(asSite(own)).rejects.toMatchObject({ code: 'LRC-6021' })
      const { files } = JSON.parse(await readFile(join(folder, 'privacy.json'), 'utf8'))
      expect(files['/data/a.txt']).toMatchObject([{ unit: 'site', steps: most }])
    }),
)

test('what an agent spends as a site is counted without a budget, and its examples have spent it with half of the noise', () =>
  withPolicy('privacy: { maxEpsilon: 6, delta: 1.0e-5 }\n', async (folder) => {
    const { asSite, asExamples } = spendingFrom(folder, ['/data/a.txt'])
    const more = { unit: 'example', noiseMultiplier: 4, samplingRate: 1, sampling: 'none', steps: 1 } as const
    await asExamples(more, { epsilon: 6, delta: 1e-5 })
    await asSite(shared)
    await expect(asExamples(more, { epsilon: 6, delta: 1e-5 })).rejects.toMatchObject({ code: 'LRC-6021' })
  }))
