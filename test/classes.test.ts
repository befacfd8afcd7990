import { readFile, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { createFolder, type Folder } from './support/folder.js'
import { runLorica } from './support/lorica.js'
import { tryLorica } from './support/service.js'
import { writeToyClassifier } from './support/toy-classifier.js'

/** A model with a tokenizer, and texts whose class is a word in them. */
async function prepare(folder: Folder, name: string): Promise<readonly string[]> {
  await writeToyClassifier(folder.at('model'), name)
  const rows = Array.from({ length: 36 }, (_, at) => {
    const word = ['calm', 'storm', 'whale'][at % 3] as string
    return `"${['the', 'a', 'deep'][at % 5] ?? 'sea'} ${word} ${at % 2 === 0 ? 'sea' : 'deep'}",about ${word}`
  })
  await writeFile(folder.at('all.csv'), ['text,label', ...rows].join('\n'))
  const few = rows.filter((row) => !row.endsWith('calm'))
  await writeFile(folder.at('few.csv'), ['text,label', ...few].join('\n'))
  return ['--model', folder.at('model'), '--max-tokens', '8', '--threads', '1']
}

interface Evaluated {
  readonly accuracy: number
  readonly loss: number
  readonly perClass: readonly { readonly class: string; readonly support: number }[]
}

const how = ['--holdout', '0', '--steps', '60', '--learning-rate', '2e-2', '--batch', '9']

test('the classes of an adapter keep their numbers for data that has only some of them', async () => {
  await using folder = await createFolder()
  const model = await prepare(folder, 'bert')
  const out = folder.at('adapter')
  const train = ['train', ...model, ...how, '--data', folder.at('all.csv'), '--modules-to-save', 'classifier']
  await runLorica([...train, '--out', out])
  expect(JSON.parse(await readFile(`${out}/classes.json`, 'utf8'))).toEqual({
    labels: ['about calm', 'about storm', 'about whale'],
  })
  const args = ['eval', ...model, '--adapter', out, '--data', folder.at('few.csv')]
  const { accuracy, perClass } = await runLorica<Evaluated>(args)
  expect(accuracy).toBe(1)
  expect(perClass).toMatchObject([
    { class: 'about storm', support: 12 },
    { class: 'about whale', support: 12 },
  ])
  const further = ['train', ...model, '--data', folder.at('few.csv'), '--adapter', out, '--steps', '1']
  await runLorica([...further, '--holdout', '0', '--out', folder.at('further')])
  const { labels } = JSON.parse(await readFile(folder.at('further', 'classes.json'), 'utf8'))
  expect(labels).toEqual(['about calm', 'about storm', 'about whale'])
  await writeFile(folder.at('other.csv'), 'text,label\nthe sea,about ships\na sea,about calm')
  const other = await tryLorica(['eval', ...model, '--adapter', out, '--data', folder.at('other.csv')])
  expect([other.status, other.stderr]).toEqual([1, expect.stringContaining('got "about ships"')])
  expect(other.stderr).toContain('correct the file there') // the path is right
})

test('a masked-word model is given a new head for the classes of the data, which its adapter brings along', async () => {
  await using folder = await createFolder()
  const model = await prepare(folder, 'bert-mlm')
  const out = folder.at('adapter')
  const train = ['train', ...model, ...how, '--data', folder.at('all.csv'), '--new-head', 'sequence']
  const trained = await runLorica<{ format: string }>([...train, '--out', out])
  expect(trained.format).toBe('classification')
  const config = JSON.parse(await readFile(`${out}/adapter_config.json`, 'utf8'))
  expect(config.modules_to_save).toEqual(['bert.pooler.dense', 'classifier', 'score']) // as PEFT has it
  const args = ['eval', ...model, '--adapter', out, '--data', folder.at('few.csv')]
  const { accuracy, loss, perClass } = await runLorica<Evaluated>(args)
  expect([accuracy, perClass.map((score) => score.class)]).toEqual([1, ['about storm', 'about whale']])
  await runLorica(['merge', '--model', folder.at('model'), '--adapter', out, '--out', folder.at('merged')])
  const alone = ['eval', '--model', folder.at('merged'), ...model.slice(2), '--data', folder.at('few.csv')]
  const merged = await runLorica<Evaluated>(alone)
  expect(merged.perClass).toEqual(perClass)
  expect(merged.loss).toBeCloseTo(loss, 5)
  const both = await tryLorica([...train, '--adapter', out, '--out', folder.at('b')])
  expect([both.status, both.stderr]).toEqual([
    2,
    expect.stringContaining('--new-head is for a fresh adapter'),
  ])
})
