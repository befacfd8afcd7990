import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Charge, epsilonOf } from '@lorica/privacy'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openAccounts } from './accounts.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'accounts-'))
})
afterEach(() => rm(folder, { recursive: true }))

const charge: Charge = {
  unit: 'example',
  noiseMultiplier: 2,
  samplingRate: 0.1,
  sampling: 'poisson',
  steps: 10,
}
const delta = 1e-5
const after = (steps: number) => epsilonOf([{ ...charge, steps }], delta).epsilon
const all = { epsilon: 100, delta }

test('charges add up over runs and restarts, for each file by itself, up to the budget and not above', async () => {
  const path = join(folder, 'privacy.json')
  await openAccounts(path).spend(charge, ['/data/a.txt', '/data/b.txt'], [all])
  await openAccounts(path).spend(charge, ['/data/b.txt', '/data/b.txt'], [all])
  const stored = JSON.parse(await readFile(path, 'utf8')) as unknown
  const ofSteps = (steps: number) => [{ ...charge, steps }]
  expect(stored).toEqual({ schema: 1, files: { '/data/a.txt': ofSteps(10), '/data/b.txt': ofSteps(20) } })
  const exact = { epsilon: after(20) * (1 + 1e-9), delta }
  const accounts = openAccounts(path)
  await accounts.spend(charge, ['/data/a.txt'], [exact])
  await expect(accounts.spend(charge, ['/data/c.txt', '/data/b.txt'], [all, exact])).rejects.toThrow(
    /from epsilon .* above the budget .* at delta 0.00001/,
  )
  const left = JSON.parse(await readFile(path, 'utf8')) as { readonly files: object }
  expect(Object.keys(left.files)).toEqual(['/data/a.txt', '/data/b.txt']) // nothing of what was refused
})

test('an account that cannot be read lets nothing be spent', async () => {
  const path = join(folder, 'privacy.json')
  for (const text of ['{', '{"schema":1,"files":{"a":[{"steps":-1}]}}', '{"schema":2,"files":{}}']) {
    await writeFile(path, text)
    await expect(openAccounts(path).spend(charge, ['/data/a.txt'], [all])).rejects.toMatchObject({
      code: 'LRC-8003',
    })
    expect(await readFile(path, 'utf8')).toBe(text)
  }
})
