import { expect, test } from 'vitest'
import { parseArchitecture } from './families.js'

const bert = { model_type: 'bert', num_hidden_layers: 2, num_attention_heads: 4 }
const roberta = { ...bert, model_type: 'roberta', type_vocab_size: 1, pad_token_id: 1 }
const distilbert = { model_type: 'distilbert', n_layers: 2, n_heads: 4 }
const vit = { ...bert, model_type: 'vit' }

test.each([
  [bert, 'BertForTokenClassification', 'token', 'classifier'],
  [roberta, 'RobertaForSequenceClassification', 'sequence', 'classifier.out_proj'],
  [roberta, 'RobertaForMaskedLM', 'masked', 'lm_head.decoder'],
  [{ ...roberta, model_type: 'xlm-roberta' }, 'XLMRobertaForTokenClassification', 'token', 'classifier'],
  [distilbert, 'DistilBertForMaskedLM', 'masked', 'vocab_projector'],
  [vit, 'ViTForImageClassification', 'image', 'classifier'],
] as const)('%j with %s is for the task %s', (fields, name, task, outputLayer) => {
  expect(parseArchitecture({ ...fields, architectures: [name] })).toMatchObject({ task, outputLayer })
})

test('a model without a head is refused with the heads that there are', () => {
  const bare = { ...roberta, architectures: ['RobertaModel'] }
  expect(() => parseArchitecture(bare)).toThrow('…ForSequenceClassification, …ForTokenClassification')
  expect(() => parseArchitecture(bare)).toThrow('got ["RobertaModel"]')
  expect(() => parseArchitecture({ ...vit, architectures: ['ViTModel'] })).toThrow('…ForImageClassification')
})

test('a loss other than that of one class of several is refused by name', () => {
  const images = { ...vit, architectures: ['ViTForImageClassification'] }
  const words = { ...distilbert, architectures: ['DistilBertForSequenceClassification'] }
  expect(() => parseArchitecture({ ...images, id2label: { 0: 'LABEL_0' } })).toThrow('num_labels 1')
  expect(() => parseArchitecture({ ...words, problem_type: 'multi_label_classification' })).toThrow(
    'problem_type "multi_label_classification"',
  )
})

test('the padding takes positions away from RoBERTa', () => {
  const { positions } = parseArchitecture({ ...roberta, architectures: ['RobertaForMaskedLM'] })
  const name = 'roberta.embeddings.position_embeddings.weight'
  const data = { kind: 'bytes', bytes: new Uint8Array() } as const
  expect(positions(new Map([[name, { name, element: 'float32', shape: [514, 8], data }]]))).toBe(512)
})

test('images and patches need not be squares', () => {
  const sizes = { image_size: [16, 24], patch_size: [4, 8], num_channels: 4 }
  const found = parseArchitecture({ ...vit, ...sizes, architectures: ['ViTForImageClassification'] })
  expect(found.image).toEqual({ channels: 4, height: 16, width: 24 })
  expect(found.positions(new Map())).toBe(13)
  const wrong = { ...vit, image_size: [16, 24, 3], architectures: ['ViTForImageClassification'] }
  expect(() => parseArchitecture(wrong)).toThrow('image_size expected height and width, got [16,24,3]')
})
