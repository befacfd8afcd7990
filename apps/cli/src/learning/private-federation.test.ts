import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createLearner, writeDecoder } from './learner.js'
import { textShape } from './learning-data.js'
import { type Federation, federate, type Site } from './learning-federation.js'
import { learningStrategies } from './learning-strategies.js'
import { federatePrivately } from './private-federation.js'

const plan: Federation = {
  ...{ agents: 3, rounds: 2, steps: 3, batch: 8, rows: 24, learningRate: 0.04, seed: 5, ranks: [2, 2, 2] },
}

async function siteOf(): Promise<Site> {
  const scratch = await mkdtemp(join(tmpdir(), 'lorica-private-'))
  const model = join(scratch, 'model')
  await mkdir(model)
  const { columns, vocabulary } = textShape
  await writeDecoder(model, { vocabulary, positions: columns })
  const learner = createLearner({ rows: plan.batch, columns })
  onTestFinished(async () => {
    await learner.close()
    await rm(scratch, { recursive: true, force: true })
  })
  return { learner, model, scratch }
}

test('with neither clip nor noise it learns what the federation of the strategy does, with a clip less, with noise other things', async () => {
  const site = await siteOf()
  const used = learningStrategies.ffa
  const lossWith = (clip: number | null, noiseMultiplier: number | null) =>
    federatePrivately(site, plan, { used, privacy: { clip, noiseMultiplier } })
  const { loss } = await federate(site, plan, used)
  expect(await lossWith(null, null)).toBeCloseTo(loss, 4)
  expect(await lossWith(0.05, null)).toBeGreaterThan(loss + 0.02)
  expect(await lossWith(1e-3, 1e4)).not.toBeCloseTo(loss, 2)
})
