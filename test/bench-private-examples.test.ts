import { mkdir, writeFile } from 'node:fs/promises'
import { epsilonOf, noiseFor } from '@lorica/privacy'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFolder, type Folder } from './support/folder.js'
import { tryLorica } from './support/service.js'
import { writeToyModel } from './support/toy-model.js'

const words = ['whale', 'ship', 'sea', 'oil', 'boat', 'rope', 'wind']
const textOf = (site: number, count: number): string =>
  Array.from({ length: count }, (_, at) => {
    const turned = [...words.slice((at + site) % 7), ...words.slice(0, (at + site) % 7)]
    return `The ${turned.slice(0, 3 + (at % 5)).join(' and the ')} of day ${at + 1000 * site}.`
  }).join('\n\n')

interface Bench {
  readonly examples: readonly number[]
  readonly base: number
  readonly plain: number
  readonly rows: readonly {
    readonly strategy: string
    readonly epsilon: number
    readonly noiseMultiplier: number
    readonly loss: number
    readonly kept: number
  }[]
  readonly holds: boolean | null
}

describe('bench private-examples', () => {
  let folder: Folder
  let given: readonly string[]
  beforeAll(async () => {
    folder = await createFolder()
    const model = folder.at('model')
    await mkdir(model)
    await writeToyModel(model)
    const files = [150, 110].map((count, site) => [folder.at(`${site}.txt`), textOf(site, count)] as const)
    for (const [file, text] of files) await writeFile(file, text)
    given = ['--model', model, ...files.flatMap(([file]) => ['--data', file])]
  })
  afterAll(() => folder[Symbol.asyncDispose]())

  const benched = async (options: string): Promise<Bench> => {
    const { status, stdout, stderr } = await tryLorica([
      ...['bench', 'private-examples', ...given, '--epsilons', '0.02,1000', '--delta', '1e-4', '--json'],
      ...'--plain-rounds 2 --batch 40 --max-tokens 16'.split(' '),
      ...options.split(' '),
    ])
    expect([status, status === 0 ? '' : stdout + stderr]).toEqual([0, ''])
    return JSON.parse(stdout) as Bench
  }
  const expectLearned = ({ base, plain, rows: [much, little] }: Bench): void => {
    expect(plain).toBeLessThan(base - 0.1)
    expect(much?.kept).toBeLessThan(0.2)
    expect(little?.kept).toBeGreaterThan(0.3)
    expect(little?.loss).toBeCloseTo(base - (little?.kept ?? 0) * (base - plain), 9)
  }

  test('of each site: little noise keeps what a federation learns, much does not, and promises are of the smallest site', async () => {
    const bench = await benched(
      '--noise agent --strategies ffa,fedavg --rounds 2 --steps 5 --learning-rate 0.05',
    )
    const { examples, rows, holds } = bench
    expect(examples[0]).toBeGreaterThan(examples[1] as number)
    expect(rows.map(({ strategy }) => strategy)).toEqual(['ffa', 'ffa', 'fedavg', 'fedavg'])
    const phase = { samplingRate: 40 / (examples[1] as number), sampling: 'poisson', steps: 10 } as const
    for (const of of [rows.slice(0, 2), rows.slice(2)]) {
      expectLearned({ ...bench, rows: of })
      const { noiseMultiplier } = noiseFor(0.02, 1e-4, [phase])
      expect(of[0]?.noiseMultiplier).toBe(noiseMultiplier)
      expect(of[0]?.epsilon).toBe(epsilonOf([{ ...phase, noiseMultiplier }], 1e-4).epsilon)
    }
    expect(holds).toBeNull()
  }, 120_000)

  test('on the sum of all sites: one chance for all of their examples, and one noise', async () => {
    const bench = await benched(
      '--strategies ffa --targets all-linear --rank 4 --rounds 12 --learning-rate 4',
    )
    expectLearned(bench)
    const { examples, rows } = bench
    const rate = 80 / ((examples[0] as number) + (examples[1] as number))
    const phase = { samplingRate: rate, sampling: 'poisson', steps: 12 } as const
    expect(rows[0]?.noiseMultiplier).toBeCloseTo(noiseFor(0.02, 1e-4, [phase]).noiseMultiplier, 9)
    expect(rows[0]?.epsilon).toBeLessThanOrEqual(0.02)
  }, 120_000)

  test('what steps before there is noise is refused', async () => {
    const { status, stderr } = await tryLorica(['bench', 'private-examples', ...given, '--steps', '2'])
    expect([status, stderr]).toEqual([expect.any(Number), expect.stringContaining('LRC-8001')])
    expect(status).not.toBe(0)
  })
})
