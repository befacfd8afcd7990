import { join } from 'node:path'
import { readAdapter } from '@lorica/peft-core'
import type { RoundView, RunView } from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import { runLorica } from './support/lorica.js'

const RANK = 4

describe('rounds that keep the exact mean in a frozen side', () => {
  let folder: Folder
  let fleet: Fleet
  beforeAll(async () => {
    folder = await createFolder()
    fleet = await startFleet({ folder: folder.path, texts: [siteText(0), siteText(1)] })
  })
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  test.each([
    ['flora', 'reset', 2 * 2 * RANK],
    ['fedex', 'keep', 2 * RANK],
  ] as const)(
    '%s: agents train beside the side, the loss falls, and the release is an ordinary adapter that is as good as they measured',
    async (strategy, optimizerState, side) => {
      const view = await fleet.run({
        ...{ rounds: 2, steps: 6, rank: RANK, optimizerState, aggregate: `{ strategy: ${strategy} }` },
      })
      expect(view.state).toBe('succeeded')
      const losses = [view.baseline?.loss, ...view.rounds.map(({ loss }) => loss)] as number[]
      for (const round of [1, 2]) expect(losses[round]).toBeLessThan((losses[round - 1] as number) - 0.05)
      await expectExact(view, side)
      const out = folder.at(`released-${strategy}`)
      await fleet.operate('releases', 'export', view.release ?? '', '--out', out)
      const { tensors } = await readAdapter(out)
      for (const [name, { shape }] of tensors) {
        const [rank, other] = name.includes('lora_A') ? shape : shape.toReversed()
        expect(rank).toBe(RANK + Math.min(side, other as number, shorterSide(name)))
      }
      await expectAsMeasured(view, out)
    },
  )

  /** The last round is the exact mean but for rounding, and averaging would have been far off. */
  async function expectExact(view: RunView, side: number): Promise<void> {
    const { aggregation } = await fleet.operate<RoundView>('rounds', 'show', view.run, '2')
    expect(aggregation).toMatchObject({ exact: true, side: { rank: side, dropped: 0 } })
    expect(aggregation?.error).toBeLessThan(1e-5)
    expect(aggregation?.averagedError).toBeGreaterThan(1e-3)
  }

  /** A plain evaluation of the exported folder gives the loss that the agents measured last. */
  async function expectAsMeasured({ final, rounds }: RunView, adapter: string): Promise<void> {
    const { agentId } = rounds[0]!.contributions.find(({ name }) => name === 'site-1')!
    const { loss, tokens } = final!.perAgent.find((one) => one.agentId === agentId)!
    const measured = await runLorica<{ readonly loss: number; readonly tokens: number }>([
      ...['eval', '--model', fleet.model, '--adapter', adapter, '--holdout', '0.2', '--max-tokens', '24'],
      ...['--data', join(folder.path, 'private-1.txt'), '--batch', '4'],
    ])
    expect(measured.tokens).toBe(tokens)
    expect(measured.loss).toBeCloseTo(loss as number, 5)
  }
})

/** Of the toy model: 16 wide, heads of 8, feed-forward of 24. */
function shorterSide(name: string): number {
  return /[kv]_proj/.test(name) ? 8 : 16
}
