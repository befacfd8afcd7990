import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readAdapter } from '@lorica/peft-core'
import { epsilonOf, noiseFor } from '@lorica/privacy'
import { expect, test } from 'vitest'
import { createFolder } from './support/folder.js'
import { runLorica } from './support/lorica.js'
import { writeToyModel } from './support/toy-model.js'

const words = ['whale', 'ship', 'sea', 'oil', 'boat', 'rope', 'wind']
/** Documents that all say the same in turn: there is something to learn that no single one of them tells. */
const documents = Array.from({ length: 360 }, (_, at) => {
  const turned = [...words.slice(at % words.length), ...words.slice(0, at % words.length)]
  return `The ${turned.slice(0, 3 + (at % 5)).join(' and the ')} of day ${at}.`
})

interface Trained {
  readonly privacy: Readonly<Record<string, unknown>> & {
    readonly epsilon: number
    readonly noiseMultiplier: number
  }
  readonly steps: number
  readonly heldOutLoss: { readonly before: number; readonly after: number }
}

async function commandIn(folder: string) {
  const [model, data] = [join(folder, 'model'), join(folder, 'a.txt')]
  await mkdir(model)
  await writeToyModel(model)
  await writeFile(data, documents.join('\n\n'))
  const fixed = ['--model', model, '--data', data, '--max-tokens', '16', '--holdout', '20%', '--threads', '1']
  return (out: string, ...more: readonly string[]) => ['train', ...fixed, '--out', join(folder, out), ...more]
}

test('privacy by example keeps at least half of what training learns, and promises what the accountant says', async () => {
  await using folder = await createFolder()
  const command = await commandIn(folder.path)
  const recipe = ['--steps', '30', '--batch', '144', '--learning-rate', '0.02', '--schedule', 'constant']
  const noisy = await runLorica<Trained>(
    command('noisy', ...recipe, '--dp-epsilon', '8', '--dp-delta', '1e-3', '--dp-clip', '1'),
  )
  const almost = await runLorica<Trained>(
    command('almost', ...recipe, '--dp-noise-multiplier', '0.001', '--dp-clip', '1'),
  )
  const gain = ({ heldOutLoss: { before, after } }: Trained): number => before - after
  expect(gain(noisy)).toBeGreaterThan(0.5 * gain(almost))
  expect(gain(almost)).toBeGreaterThan(0.1)

  const samplingRate = noisy.privacy.samplingRate as number
  const examples = Math.round(144 / samplingRate)
  expect(examples).toBeGreaterThan(255) // a fifth of 360 is held out, each by itself
  expect(examples).toBeLessThan(321)
  const phase = { samplingRate, sampling: 'poisson', steps: 30 } as const
  const { noiseMultiplier, epsilon } = noiseFor(8, 1e-3, [phase])
  expect(noisy.privacy).toMatchObject({
    unit: 'example',
    noiseMultiplier,
    epsilon,
    delta: 1e-3,
    clip: 1,
    steps: 30,
  })
  expect(almost.privacy.epsilon).toBe(epsilonOf([{ ...phase, noiseMultiplier: 0.001 }], 1e-5).epsilon)
  expect(noisy).not.toHaveProperty('losses')
  const told = JSON.parse(await readFile(join(folder.path, 'noisy', 'privacy.json'), 'utf8')) as unknown
  expect(told).toEqual(noisy.privacy)

  const [model, data, adapter] = ['model', 'a.txt', 'noisy'].map((name) => join(folder.path, name))
  const asked = ['--model', model, '--data', data, '--max-tokens', '16', '--holdout', '20%', '--threads', '1']
  const after = await runLorica<{ readonly loss: number }>([
    'eval',
    ...asked,
    '--adapter',
    adapter,
  ] as string[])
  expect(after.loss).toBeCloseTo(noisy.heldOutLoss.after, 5)
  const before = await runLorica<{ readonly loss: number }>(['eval', ...asked, '--by-example'] as string[])
  expect(before.loss).toBeCloseTo(noisy.heldOutLoss.before, 5)
})

test('B alone is trained beside an A of orthonormal rows, which stays as it is when training goes on', async () => {
  await using folder = await createFolder()
  const command = await commandIn(folder.path)
  const recipe = [
    '--steps',
    '2',
    '--batch',
    '24',
    '--dp-noise-multiplier',
    '1',
    '--dp-clip',
    '1',
    '--dp-freeze-a',
  ]
  const factorsOf = async (out: string) => {
    const entries = [...(await readAdapter(join(folder.path, out))).tensors]
    const named = (side: string) => entries.filter(([name]) => name.includes(side))
    return { a: named('lora_A'), b: named('lora_B') }
  }
  const { parameters } = await runLorica<{ parameters: number }>(command('first', ...recipe, '--rank', '3'))
  const first = await factorsOf('first')
  expect(parameters).toBe(first.b.reduce((sum, [, { data }]) => sum + data.length, 0))
  for (const [, { data, shape }] of first.a) {
    const [rank = 0, inputs = 0] = shape
    const dot = (i: number, j: number): number =>
      data
        .subarray(i * inputs, (i + 1) * inputs)
        .reduce((sum, x, at) => sum + x * (data[j * inputs + at] as number), 0)
    for (let i = 0; i < rank; i++)
      for (let j = 0; j < rank; j++) expect(dot(i, j)).toBeCloseTo(i === j ? 1 : 0, 5)
  }
  for (const [, { data }] of first.b) expect(data.every((value) => value !== 0)).toBe(true)

  await runLorica(command('second', ...recipe, '--adapter', join(folder.path, 'first')))
  const second = await factorsOf('second')
  expect(second.a).toEqual(first.a)
  expect(second.b).not.toEqual(first.b)
})

test('no seed gives the same noise again', async () => {
  await using folder = await createFolder()
  const command = await commandIn(folder.path)
  const weights = async (out: string): Promise<Buffer> => {
    await runLorica(
      command(
        out,
        '--steps',
        '1',
        '--batch',
        '4',
        '--seed',
        '7',
        '--dp-noise-multiplier',
        '2',
        '--dp-clip',
        '1',
      ),
    )
    return await readFile(join(folder.path, out, 'adapter_model.safetensors'))
  }
  expect(await weights('one')).not.toEqual(await weights('other'))
})
