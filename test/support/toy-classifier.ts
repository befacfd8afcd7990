import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const words = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'calm',
  'storm',
  'whale',
  'the',
  'a',
  'sea',
  'deep',
]

const tokenizer = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: null,
  model: {
    type: 'WordLevel',
    unk_token: '[UNK]',
    vocab: Object.fromEntries([...words.entries()].map(([id, word]) => [word, id])),
  },
}

const special = { pad_token: '[PAD]', mask_token: '[MASK]', cls_token: '[CLS]', sep_token: '[SEP]' }

/** Writes a small BERT of the golden files, with a tokenizer of a few words, into a folder. */
export async function writeToyClassifier(folder: string, golden = 'bert'): Promise<string> {
  const model = fileURLToPath(new URL(`../../libs/peft-core/golden/${golden}/model`, import.meta.url))
  await cp(model, folder, { recursive: true })
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
  await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(special))
  return folder
}
