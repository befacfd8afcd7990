import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { createFolder, type Folder } from './support/folder.js'
import { runLorica } from './support/lorica.js'
import { tryLorica } from './support/service.js'

const vit = fileURLToPath(new URL('../libs/peft-core/golden/vit/model', import.meta.url))
const SIDE = 9

/** A grey PNG of 9 x 9 pixels. */
function png(levelAt: (x: number, y: number) => number): Buffer {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(data.length)
    return Buffer.concat([length, Buffer.from(type), data, Buffer.alloc(4)])
  }
  const lines = Array.from({ length: SIDE }, (_, y) => [
    0,
    ...Array.from({ length: SIDE }, (_, x) => levelAt(x, y)),
  ])
  const header = Buffer.from([0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 0, 0, 0, 0])
  const parts = [chunk('IHDR', header), chunk('IDAT', deflateSync(Uint8Array.from(lines.flat())))]
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  return Buffer.concat([signature, ...parts, chunk('IEND', new Uint8Array())])
}

/** Pictures of two classes, that are light above or light on the left, and a model with a head for five. */
async function prepare(folder: Folder): Promise<void> {
  await cp(vit, folder.at('model'), { recursive: true })
  for (const name of ['above', 'left']) {
    await mkdir(folder.at('data', name), { recursive: true })
    for (let at = 0; at < 20; at++) {
      const isLight = (x: number, y: number): boolean => (name === 'above' ? y : x) < 3 + (at % 3)
      const picture = png((x, y) => (isLight(x, y) ? 180 + at : 20 + at))
      await writeFile(folder.at('data', name, `${at}.png`), picture)
    }
  }
}

interface Evaluated {
  readonly accuracy: number
  readonly examples: number
  readonly perClass: readonly { readonly class: string; readonly support: number }[]
}

test('a classifier of images learns from a folder, and is measured on what was held out', async () => {
  await using folder = await createFolder()
  await prepare(folder)
  const common = [
    '--model',
    folder.at('model'),
    '--data',
    folder.at('data'),
    '--batch',
    '6',
    '--threads',
    '1',
  ]
  const held = [...common, '--holdout', '20%']
  const how = ['--steps', '30', '--learning-rate', '2e-2', '--modules-to-save', 'classifier']
  const trained = await runLorica<{ format: string; examples: number; tokens: number }>([
    'train',
    ...held,
    ...how,
    '--out',
    folder.at('adapter'),
  ])
  expect(trained).toMatchObject({ format: 'images', examples: 40, tokens: 180 })
  const predictions = folder.at('predictions.jsonl')
  const adapter = ['--adapter', folder.at('adapter')]
  const after = await runLorica<Evaluated>(['eval', ...held, ...adapter, '--predictions', predictions])
  expect([after.accuracy, after.examples]).toEqual([1, 8])
  expect(after.perClass).toMatchObject([
    { class: 'above', support: 4 },
    { class: 'left', support: 4 },
  ])
  const before = await runLorica<Evaluated>(['eval', ...held])
  expect(before.accuracy).toBeLessThan(0.7)
  const lines = (await readFile(predictions, 'utf8')).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line))[5]).toMatchObject({
    file: folder.at('data', 'left', '15.png'),
    row: 5,
    label: 'left',
    prediction: 'left',
  })
})

test('what does not fit a classifier of images is refused before training', async () => {
  await using folder = await createFolder()
  await prepare(folder)
  const refusal = async (data: string, ...more: readonly string[]) => {
    const out = ['--out', folder.at('adapter'), '--steps', '1', '--threads', '1']
    const ended = await tryLorica(['train', '--model', folder.at('model'), '--data', data, ...out, ...more])
    return [ended.status, ended.stderr.split('\n')[0]]
  }
  await writeFile(folder.at('a.txt'), 'A text.')
  expect(await refusal(folder.at('a.txt'))).toEqual([1, expect.stringContaining('got a file')])
  expect(await refusal(folder.at('data'), '--format', 'chat')).toEqual([
    1,
    expect.stringContaining('got the format chat'),
  ])
  await writeFile(folder.at('data', 'left', '3.png'), 'A text.')
  const wanted = `${folder.at('data', 'left', '3.png')}: expected a PNG or JPEG file`
  expect(await refusal(folder.at('data'))).toEqual([1, expect.stringContaining(wanted)])
})

test('a folder is no data for a model of text', async () => {
  await using folder = await createFolder()
  await prepare(folder)
  const model = fileURLToPath(new URL('../models/moby-dick', import.meta.url))
  const args = ['eval', '--model', model, '--data', folder.at('data'), '--threads', '1']
  const { status, stderr } = await tryLorica(args)
  expect([status, stderr]).toEqual([1, expect.stringContaining('"causal" expected a file, got a folder')])
})
