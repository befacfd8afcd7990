import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFolder, type Folder } from './support/folder.js'
import { runLorica } from './support/lorica.js'
import { tryLorica } from './support/service.js'

const model = fileURLToPath(new URL('../models/moby-dick', import.meta.url))

let folder: Folder
beforeAll(async () => {
  folder = await createFolder()
  await runLorica(['privacy', 'canaries', '--count', '120', '--out', folder.at('canaries')])
  await train('much', ['--steps', '130', '--learning-rate', '0.01', '--rank', '16'])
  await train('noisy', [
    ...['--steps', '20', '--learning-rate', '0.005', '--rank', '16', '--batch', '16'],
    ...['--dp-noise-multiplier', '1.5', '--dp-clip', '0.5', '--dp-delta', '0.001'],
  ])
  await train('hardly', ['--steps', '1', '--learning-rate', '0.0003'])
})
afterAll(async () => await folder[Symbol.asyncDispose]())

const train = (name: string, more: readonly string[]) =>
  runLorica([
    ...['train', '--model', model, '--data', folder.at('canaries', 'planted.txt'), '--out', folder.at(name)],
    ...['--max-tokens', '48', '--holdout', '0', ...more],
  ])

const attack = <T>(kind: string, adapter: string, ...more: readonly string[]) =>
  runLorica<T>([
    ...['privacy', 'attack', kind, '--model', model, '--adapter', folder.at(adapter), '--max-tokens', '48'],
    ...['--members', folder.at('canaries', 'planted.txt'), '--others', folder.at('canaries', 'left-out.txt')],
    ...more,
  ])

interface Membership {
  readonly members: number
  readonly others: number
  readonly scores: Readonly<
    Record<string, { readonly auc: number; readonly intervals: { readonly auc: { readonly low: number } } }>
  >
}

test('a coin decides about each canary, and all are unlike', async () => {
  const texts = await Promise.all(
    ['planted.txt', 'left-out.txt'].map((name) => readFile(folder.at('canaries', name), 'utf8')),
  )
  const lists = texts.map((text) => text.trim().split('\n\n'))
  expect(new Set(lists.flat()).size).toBe(120)
  for (const list of lists) expect(list.length).toBeGreaterThan(30) // 2e-8 by chance
  for (const text of lists.flat()) expect(text).toMatch(/^The code of the vault is \d{4}-[a-z]{4}-\d{4}\.$/)
})

test('an adapter that learned its texts by heart tells them from others, and one that hardly learned does not', async () => {
  const [much, hardly] = await Promise.all([
    attack<Membership>('membership', 'much', '--resamples', '60'),
    attack<Membership>('membership', 'hardly', '--resamples', '60'),
  ])
  expect(much.members + much.others).toBe(120)
  expect(much.scores.loss?.auc).toBeGreaterThan(0.88)
  expect(much.scores.loss?.intervals.auc.low).toBeGreaterThan(0.75)
  expect(hardly.scores.loss?.auc).toBeLessThan(0.75)
  expect(hardly.scores.loss?.auc).toBeGreaterThan(0.25)
})

test('canaries that were learned are exposed, and those that were not are not', async () => {
  interface Canaries {
    readonly verdict: string
    readonly meanExposure: number
    readonly chance: number
  }
  const much = await attack<Canaries>('canary', 'much')
  expect(much.verdict).toBe('exposed')
  expect(much.meanExposure).toBeGreaterThan(much.chance + 2)
  const hardly = await attack<Canaries>('canary', 'hardly')
  expect(hardly.meanExposure).toBeLessThan(hardly.chance + 1)
})

test('one run refutes an epsilon of the adapter that learned, and none of the other', async () => {
  const much = await attack<{ readonly epsilonLowerBound: number }>('audit', 'much')
  expect(much.epsilonLowerBound).toBeGreaterThan(0.8)
  const hardly = await attack<{ readonly epsilonLowerBound: number }>('audit', 'hardly')
  expect(hardly.epsilonLowerBound).toBeLessThan(0.5)
})

test('trained with noise, the same texts are not told from others, and the audit stays within the promise', async () => {
  const { scores } = await attack<Membership>('membership', 'noisy', '--resamples', '60')
  for (const name of ['loss', 'reference', 'minKPlusPlus']) {
    expect(scores[name]?.auc, name).toBeLessThan(0.75)
    expect(scores[name]?.auc, name).toBeGreaterThan(0.25)
  }
  const { epsilonLowerBound } = await attack<{ readonly epsilonLowerBound: number }>(
    'audit',
    'noisy',
    '--delta',
    '0.001',
  )
  const promised = JSON.parse(await readFile(folder.at('noisy', 'privacy.json'), 'utf8')) as {
    readonly epsilon: number
  }
  expect(promised.epsilon).toBeGreaterThan(1)
  expect(epsilonLowerBound).toBeLessThan(promised.epsilon)
  expect(epsilonLowerBound).toBeLessThan(0.5)
})

test('a form that has too few places for canaries is refused', async () => {
  const form = ['privacy', 'canaries', '--out', folder.at('few'), '--form', 'The pin is ####.']
  const few = await tryLorica(form)
  expect([few.status, few.stderr]).toEqual([2, expect.stringContaining('LRC-8001')])
})
