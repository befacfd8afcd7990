import { mkdir, writeFile } from 'node:fs/promises'
import { epsilonOf, noiseFor } from '@lorica/privacy'
import { expect, test } from 'vitest'
import { createFolder } from './support/folder.js'
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

test('bench private-examples: little noise keeps what a federation learns, much of it does not, and promises are of the smallest site', async () => {
  await using folder = await createFolder()
  const model = folder.at('model')
  await mkdir(model)
  await writeToyModel(model)
  const files = [150, 110].map((count, site) => [folder.at(`${site}.txt`), textOf(site, count)] as const)
  for (const [file, text] of files) await writeFile(file, text)
  const { status, stdout, stderr } = await tryLorica([
    ...['bench', 'private-examples', '--model', model, ...files.flatMap(([file]) => ['--data', file])],
    ...['--strategies', 'ffa,fedavg', '--epsilons', '0.02,1000', '--delta', '1e-4', '--json'],
    ...[
      '--plain-rounds',
      '2',
      '--rounds',
      '2',
      '--steps',
      '5',
      '--batch',
      '40',
      '--max-tokens',
      '16',
      '--learning-rate',
      '0.05',
    ],
  ])
  expect([status, status === 0 ? '' : stdout + stderr]).toEqual([0, ''])
  const { examples, base, plain, rows, holds } = JSON.parse(stdout) as Bench
  expect(examples[0]).toBeGreaterThan(examples[1] as number)
  expect(plain).toBeLessThan(base - 0.1)
  expect(rows.map(({ strategy }) => strategy)).toEqual(['ffa', 'ffa', 'fedavg', 'fedavg'])
  const phase = { samplingRate: 40 / (examples[1] as number), sampling: 'poisson', steps: 10 } as const
  for (const [much, little] of [rows.slice(0, 2), rows.slice(2)] as const) {
    expect(much?.kept).toBeLessThan(0.2)
    expect(little?.kept).toBeGreaterThan(0.3)
    expect(little?.loss).toBeCloseTo(base - (little?.kept ?? 0) * (base - plain), 9)
    const { noiseMultiplier } = noiseFor(0.02, 1e-4, [phase])
    expect(much?.noiseMultiplier).toBe(noiseMultiplier)
    expect(much?.epsilon).toBe(epsilonOf([{ ...phase, noiseMultiplier }], 1e-4).epsilon)
  }
  expect(holds).toBeNull()
}, 120_000)
