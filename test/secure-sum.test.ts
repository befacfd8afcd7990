import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeSafetensors, floatTensor, type TensorMap } from '@lorica/peft-core'
import type { RoundView, RunView } from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'

const texts = [siteText(0), siteText(1), siteText(2)]
const clip = 0.5

describe('three agents whose updates are summed unseen', () => {
  let folder: Folder
  let fleet: Fleet
  let plain: RunView
  let view: RunView
  beforeAll(async () => {
    folder = await createFolder()
    fleet = await startFleet({ folder: folder.path, texts })
    plain = await fleet.run({
      rounds: 1,
      aggregate: '{ weights: { by: uniform } }',
      privacy: `{ clip: ${clip} }`,
    })
    view = await fleet.run({ rounds: 2, aggregate: '{ trust: private }', privacy: `{ clip: ${clip} }` })
  })
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  const blob = async (sha256: string): Promise<TensorMap> => {
    const bytes = await readFile(join(fleet.folders.coordinator, 'blobs', sha256.slice(0, 2), sha256))
    return new Map([...decodeSafetensors(bytes)].map(([name, raw]) => [name, floatTensor(raw)]))
  }

  test('what each agent says left its machine is masked, with no count and no loss of the training', async () => {
    for (const index of [0, 1, 2]) {
      const { update, masked, counts } = JSON.parse(
        await readFile(join(fleet.folders.agent(index), 'last-upload.json'), 'utf8'),
      )
      expect(masked).toEqual({ agents: 3, minSurvivors: 3, bits: 32 })
      expect(counts).toMatchObject({ examples: 0, tokens: 1, lossFirst: 0, lossLast: 0 })
      const received = view.rounds.at(-1)!.contributions.map(({ updateSha256 }) => updateSha256)
      expect(received).toContain(update.sha256)
    }
  })

  test('the loss of the release is that of what the agents measured, over all of their tokens', async () => {
    const measured = await Promise.all(
      [0, 1, 2].map(async (index) => {
        const path = join(fleet.folders.agent(index), 'last-evaluation.json')
        return JSON.parse(await readFile(path, 'utf8')) as { lossSum: number; tokens: number; round: number }
      }),
    )
    const sumOf = (of: 'lossSum' | 'tokens') => measured.reduce((sum, one) => sum + one[of], 0)
    expect(measured.map(({ round }) => round)).toEqual([2, 2, 2])
    const { loss } = view.rounds.at(-1)!
    expect(Math.abs(loss! - sumOf('lossSum') / sumOf('tokens'))).toBeLessThan(
      (3 * 2 ** -17) / sumOf('tokens') + 1e-12,
    )
    expect(view.final).toEqual({ loss, tokens: sumOf('tokens'), perAgent: [] })
    expect(new Set(measured.map(({ lossSum, tokens }) => lossSum / tokens)).size).toBe(3)
  })

  test('the release is that of the plain run, to the resolution of the ring', async () => {
    expect([view.state, view.reason]).toEqual(['succeeded', 'all rounds are committed'])
    const [one, other] = await Promise.all([
      blob(plain.rounds[0]!.adapterSha256),
      blob(view.rounds[0]!.adapterSha256),
    ])
    let furthest = 0
    let largest = 0
    for (const [name, { data }] of one)
      for (const [at, value] of data.entries()) {
        furthest = Math.max(furthest, Math.abs(value - other.get(name)!.data[at]!))
        largest = Math.max(largest, Math.abs(value))
      }
    expect(largest).toBeGreaterThan(0.01)
    expect(furthest).toBeLessThan(1e-7)
    const shown = await fleet.operate<RoundView>('rounds', 'show', view.run, '1')
    expect(shown.attempts[0]?.sum).toMatchObject({ keys: 3, survivors: 3, confirmations: 3 })
    expect(view.rounds.map(({ loss }) => loss! < view.baseline!.loss!)).toEqual([true, true])
  })
})
