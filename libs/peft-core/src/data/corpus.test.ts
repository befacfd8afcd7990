import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { evaluationBatches, packWindows, trainingBatches } from '../train/batches.js'
import { splitHoldout } from '../train/holdout.js'
import { createTokenizer, openTokenizer } from '../train/tokens.js'
import { type Corpus, type CorpusOptions, openCorpus } from './corpus.js'
import { batchesIn, evaluationRows, trainingRows } from './row-source.js'

const tokenizer = await openTokenizer(fileURLToPath(new URL('../../../../models/moby-dick', import.meta.url)))

/** A word a token, in BERT's frame. */
const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'b', 'ship', 'whale', '##s', 'sea', 'sails']
const wordPiece = createTokenizer(
  {
    added_tokens: words.slice(0, 5).map((content, id) => ({ id, content, special: true, normalized: false })),
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]', 0), { Sequence: { id: 'A', type_id: 0 } }, special('[SEP]', 0)],
      pair: [
        special('[CLS]', 0),
        { Sequence: { id: 'A', type_id: 0 } },
        special('[SEP]', 0),
        { Sequence: { id: 'B', type_id: 1 } },
        special('[SEP]', 1),
      ],
      special_tokens: Object.fromEntries(
        ['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [words.indexOf(id)], tokens: [id] }]),
      ),
    },
    model: {
      type: 'WordPiece',
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
    },
  },
  {},
)
function special(id: string, type_id: number) {
  return { SpecialToken: { id, type_id } }
}

let folder = ''
let open: Corpus[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'corpus-'))
  open = []
})
afterEach(async () => {
  for (const corpus of open) corpus.close()
  await rm(folder, { recursive: true })
})

async function corpusOf(
  name: string,
  content: string,
  options: Partial<CorpusOptions> = {},
): Promise<Corpus> {
  const path = join(folder, name)
  await writeFile(path, content)
  const corpus = await openCorpus({
    ...{ groups: [[path]], tokenizer, task: 'causal', columns: 16, holdout: 0, folder, packs: false },
    ...options,
  })
  open.push(corpus)
  return corpus
}

const order = { rows: 3, steps: 9, seed: 5, firstStep: 4 }
const paragraphs = Array.from(
  { length: 60 },
  (_, at) => `The whale number ${at}, ${'swam '.repeat(at % 9)}and dived.`,
)

test('text is held out and cut into windows as it is in memory', async () => {
  const corpus = await corpusOf('a.txt', paragraphs.join('\n\n'), { holdout: 0.2 })
  const { train, heldOut } = splitHoldout(paragraphs, 0.2)
  const pack = (documents: readonly string[]) =>
    packWindows(
      documents.map((document) => tokenizer.encode(document)),
      { columns: 16, separator: tokenizer.separator, padId: tokenizer.padId },
    )
  expect([...trainingRows(corpus.train, order)]).toEqual(trainingBatches(pack(train), order))
  const [judged] = corpus.heldOut
  if (judged === undefined) throw new Error('expected a held-out part')
  expect([...evaluationRows(judged, 4)]).toEqual(evaluationBatches(pack(heldOut), 4))
  expect([corpus.format, corpus.examples]).toEqual(['text', 60])
})

test('the tokens of the data are in no file that another process can open', async () => {
  await corpusOf('a.txt', paragraphs.join('\n\n'))
  expect(await readdir(folder)).toEqual(process.platform === 'win32' ? expect.anything() : ['a.txt'])
})

const pairs = Array.from({ length: 23 }, (_, at) => ({
  prompt: `Say ${at}: `,
  completion: `${'whale '.repeat(1 + (at % 5))}!`,
}))
const jsonl = (records: readonly unknown[]): string =>
  records.map((record) => JSON.stringify(record)).join('\n')

test('only the completion and the end of the text are learned', async () => {
  const corpus = await corpusOf('a.jsonl', jsonl(pairs))
  const [batch] = evaluationRows(corpus.train, 1)
  const ids = [...tokenizer.encode('Say 0: whale !'), tokenizer.eosId]
  const prompt = tokenizer.encode('Say 0:').length
  expect([...(batch?.inputIds ?? [])].slice(0, ids.length)).toEqual(ids)
  expect([...(batch?.labels ?? [])].filter((label) => label >= 0)).toEqual(
    ids.slice(-tokenizer.encode(' whale !').length - 1),
  )
  expect(batch?.labels[prompt - 1]).toBe(-100)
  expect(corpus.format).toBe('completion')
})

test('batches that go on in the middle are those of one long run, whatever the rows hold', async () => {
  for (const packs of [false, true]) {
    const { train } = await corpusOf('a.jsonl', jsonl(pairs), { packs, columns: 24 })
    const whole = [...trainingRows(train, { rows: 4, steps: 20, seed: 7, firstStep: 0 })]
    expect([...trainingRows(train, { rows: 4, steps: 9, seed: 7, firstStep: 11 })]).toEqual(whole.slice(11))
    expect([...trainingRows(train, { rows: 4, steps: 3, seed: 8, firstStep: 0 })]).not.toEqual(
      whole.slice(0, 3),
    )
    const epoch = whole.slice(0, batchesIn(train, 1, { rows: 4, seed: 7 }))
    const seen = epoch.flatMap(({ inputIds }) => [...inputIds])
    for (const { prompt } of pairs) {
      const digits = tokenizer.encode(prompt).slice(0, -1).join(' ')
      expect(seen.join(' ')).toContain(digits)
    }
  }
})

test('examples in one row are numbered, start at position 0, and none learns from another', async () => {
  const { train } = await corpusOf('a.jsonl', jsonl(pairs), { packs: true, columns: 40 })
  const [batch] = evaluationRows(train, 2)
  if (batch?.positionIds === undefined) throw new Error('expected packed rows')
  const segments = [...batch.attentionMask.subarray(0, 40)]
  expect(Math.max(...segments)).toBeGreaterThan(2)
  for (const [at, segment] of segments.entries()) {
    const isFirst = segment !== 0 && segments[at - 1] !== segment
    if (isFirst) expect([batch.positionIds[at], batch.labels[at]]).toEqual([0, -100])
    else if (segment !== 0) expect(batch.positionIds[at]).toBe((batch.positionIds[at - 1] as number) + 1)
    else expect(batch.labels[at]).toBe(-100)
  }
})

test('labels are sorted names, or the model’s own', async () => {
  const csv = 'text,category\nship a,sea\n"whales, b",animal\nship,sea\n'
  const classified = { tokenizer: wordPiece, task: 'sequence', columns: 8 } as const
  const free = await corpusOf('a.csv', csv, classified)
  expect(free.labels).toEqual(['animal', 'sea'])
  const [batch] = evaluationRows(free.train, 3)
  expect([...(batch?.labels ?? [])]).toEqual([1, 0, 1])
  expect([...(batch?.inputIds ?? [])].slice(0, 8)).toEqual([2, 7, 5, 3, 0, 0, 0, 0])
  const own = await corpusOf('b.csv', csv, { ...classified, labels: ['none', 'sea', 'animal'] })
  expect([...([...evaluationRows(own.train, 3)][0]?.labels ?? [])]).toEqual([1, 2, 1])
  await expect(corpusOf('c.csv', csv, { ...classified, labels: ['sea', 'land'] })).rejects.toThrow(
    /c\.csv:3: expected a label of the model \(sea, land\), got "animal"/,
  )
  await expect(corpusOf('d.csv', csv, { ...classified, classes: 1 })).rejects.toThrow('got 2')
})

test('pairs of texts are joined, with their segments, and the longer one is cut', async () => {
  const pair = { sentence1: 'ship a b', sentence2: 'sea whales a b a b', label: 1 }
  const corpus = await corpusOf('a.jsonl', jsonl([pair, { ...pair, label: 0 }]), {
    ...{ tokenizer: wordPiece, task: 'sequence', columns: 10 },
  })
  const [batch] = evaluationRows(corpus.train, 1)
  expect([...(batch?.inputIds ?? [])]).toEqual([2, 7, 5, 6, 3, 10, 8, 9, 5, 3])
  expect([...(batch?.tokenTypeIds ?? [])]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
  expect(corpus.cut).toBe(2)
})

test('the first token of a word has its label, the rest none', async () => {
  const record = { tokens: ['whales', 'sails', 'sea'], tags: ['ANIMAL', 'O', 'PLACE'] }
  const corpus = await corpusOf('a.jsonl', jsonl([record]), {
    ...{ tokenizer: wordPiece, task: 'token' as CorpusOptions['task'], columns: 8 },
  })
  const [batch] = evaluationRows(corpus.train, 1)
  expect([...(batch?.inputIds ?? [])]).toEqual([2, 8, 9, 11, 10, 3, 0, 0])
  expect([...(batch?.labels ?? [])]).toEqual([-100, 0, -100, 1, 2, -100, -100, -100])
  expect(corpus.labels).toEqual(['ANIMAL', 'O', 'PLACE'])
})

test('about 15 % of the words are hidden, special tokens never, and the same each time', async () => {
  const text = Array.from(
    { length: 400 },
    (_, at) => `ship whale sea sails a b ship ${at % 2 ? 'a' : 'b'}`,
  ).join('\n\n')
  const { train } = await corpusOf('a.txt', text, { tokenizer: wordPiece, task: 'masked', columns: 32 })
  const batches = [...trainingRows(train, { rows: 8, steps: 10, seed: 2, firstStep: 0 })]
  const tokens = batches.flatMap(({ inputIds, labels }) =>
    [...labels].map((label, at) => [label, inputIds[at]] as const),
  )
  const hidden = tokens.filter(([label]) => label >= 0)
  expect(hidden.length / tokens.length).toBeGreaterThan(0.12)
  expect(hidden.length / tokens.length).toBeLessThan(0.17)
  expect(hidden.every(([label]) => label > 4)).toBe(true)
  expect(hidden.filter(([, id]) => id === 4).length / hidden.length).toBeCloseTo(0.8, 1)
  expect(hidden.filter(([label, id]) => id === label).length / hidden.length).toBeLessThan(0.2)
  expect(batches.every(({ inputIds }) => inputIds[0] === 2)).toBe(true)
  expect([...trainingRows(train, { rows: 8, steps: 2, seed: 2, firstStep: 8 })]).toEqual(batches.slice(8))
})

test('a file that does not fit is refused by file and line, with what was expected and what came', async () => {
  const cases: readonly (readonly [string, string, Partial<CorpusOptions>, RegExp])[] = [
    [
      'a.jsonl',
      '{"prompt":"a","completion":"b"}\n{"prompt":"a"}',
      {},
      /a\.jsonl:2: expected a text "completion", got none/,
    ],
    ['b.jsonl', '{"id":1}', {}, /b\.jsonl: expected records with "messages".*got \["id"\]/],
    ['c.jsonl', '[1]', {}, /c\.jsonl:1: expected a JSON object a line, got \[1\]/],
    ['d.csv', 'text,label\na,b,c', { task: 'sequence' }, /d\.csv:2: expected 2 columns.*got 3/],
    ['e.txt', 'hello', { task: 'sequence' }, /e\.txt: classification expected a file named/],
    [
      'f.jsonl',
      '{"text":"a","label":"b"}',
      { format: 'classification' },
      /task "causal" expected data as text/,
    ],
    ['g.jsonl', '{"messages":[]}', {}, /chat expected a tokenizer with a chat template/],
    ['h.txt', 'The whale.', { vocabularySize: 20 }, /h\.txt: expected tokens below 20.*another model/],
    ['i.csv', 'text,label\nwhale,\n', { task: 'sequence' }, /i\.csv:2: expected a label "label"/],
    [
      'k.csv',
      'text,label\nsea,2\nwhale,-1\n',
      { task: 'sequence' },
      /k\.csv:3: expected a label "label" of 0/,
    ],
    ['j.txt', '', {}, /j\.txt: expected text, the file has none/],
  ]
  for (const [name, content, options, message] of cases)
    await expect(corpusOf(name, content, options), name).rejects.toThrow(message)
})
