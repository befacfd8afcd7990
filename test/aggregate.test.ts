import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AggregationReport, readAdapter } from '@lorica/peft-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runLorica } from './support/lorica.js'

const golden = fileURLToPath(new URL('../libs/peft-core/golden/aggregate', import.meta.url))
const [ann, bob, cyd] = ['ann', 'bob', 'cyd'].map((name) => join(golden, name)) as [string, string, string]
const twins = ['twin-ann', 'twin-bob', 'twin-cyd'].map((name) => join(golden, name))

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-aggregate-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

type Printed = AggregationReport & { readonly out: string; readonly side: string | null }
const aggregate = (strategy: string, out: string, ...rest: readonly string[]): Promise<Printed> =>
  runLorica<Printed>(['aggregate', '--strategy', strategy, '--out', join(folder, out), ...rest])

test('lorica aggregate gives the same bytes whatever the order of the adapters, and tells how far they are from exact', async () => {
  const one = await aggregate('svd', 'one', '--rank', '3', `${ann}=2`, `${bob}=5`, `${cyd}=3`)
  const other = await aggregate('svd', 'other', '--rank', '3', `${cyd}=3`, `${ann}=2`, `${bob}=5`)
  for (const file of ['adapter_model.safetensors', 'adapter_config.json'])
    expect(await readFile(join(one.out, file))).toEqual(await readFile(join(other.out, file)))
  expect(one.contributions.map(({ share }) => share)).toEqual([0.2, 0.5, 0.3])
  expect(one.error).toBeCloseTo(0.403, 3)
  expect(one.averagedError).toBeCloseTo(0.695, 3)
})

test('what averaging misses is written as a second adapter, which is read like any other', async () => {
  const { out, side, error, averagedError } = await aggregate('fedex', 'exact', ...twins)
  expect([error! < 1e-6, averagedError! > 0.5]).toEqual([true, true])
  expect(side).toBe(join(out, 'side'))
  expect((await readAdapter(side!)).config).toMatchObject({ rank: 6, alpha: 6 })
  expect((await readAdapter(out)).config).toMatchObject({ rank: 3, alpha: 7 })
})

test('names of classes are kept, and adapters that number their classes otherwise are refused', async () => {
  const agents = ['left', 'right'].map((name) => join(folder, name)) as [string, string]
  for (const [at, agent] of agents.entries()) {
    await cp(twins[at]!, agent, { recursive: true })
    await writeFile(join(agent, 'classes.json'), JSON.stringify({ labels: ['cat', 'dog'] }))
  }
  const { out } = await aggregate('fedavg', 'classes', ...agents)
  expect(JSON.parse(await readFile(join(out, 'classes.json'), 'utf8'))).toEqual({ labels: ['cat', 'dog'] })
  await writeFile(join(agents[1], 'classes.json'), JSON.stringify({ labels: ['dog', 'cat'] }))
  await expect(aggregate('fedavg', 'refused', ...agents)).rejects.toThrow(/ended with 1.*LRC-7007.*dog, cat/s)
})

test('what a strategy cannot take is refused with a code, and an option that it does not know with exit status 2', async () => {
  await expect(aggregate('fedavg', 'no', ann, bob)).rejects.toThrow(
    /ended with 1.*LRC-7007.*expected rank 4/s,
  )
  await expect(aggregate('flora', 'no', '--max-rank', '5', ann, bob)).rejects.toThrow(
    /a stacked rank of at most 5, got 6/,
  )
  await expect(aggregate('fedavg', 'no', '--rank', '3', ann)).rejects.toThrow(
    /ended with 2.*LRC-8001.*fedavg takes no --rank/s,
  )
  const broken = join(folder, 'broken')
  await cp(ann, broken, { recursive: true })
  await copyFile(join(bob, 'adapter_model.safetensors'), join(broken, 'adapter_model.safetensors'))
  await expect(aggregate('svd', 'no', ann, broken)).rejects.toThrow(
    /LRC-7007.*broken: the factors of .* expected rank 4/s,
  )
  await writeFile(join(broken, 'adapter_config.json'), '{')
  await expect(aggregate('svd', 'no', ann, broken)).rejects.toThrow(/LRC-7003.*broken.adapter_config.json/s)
})
