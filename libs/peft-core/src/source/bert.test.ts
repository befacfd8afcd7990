import { expect, test } from 'vitest'
import { bertConfig } from './bert.js'

test('a BERT configuration says which head it has', () => {
  const bert = { model_type: 'bert', num_hidden_layers: 2, num_attention_heads: 4 }
  expect(bertConfig({ ...bert, architectures: ['BertForSequenceClassification'] })).toMatchObject({
    task: 'sequence',
    layerNormEpsilon: 1e-12,
  })
  expect(bertConfig({ ...bert, architectures: ['BertForMaskedLM'] })).toMatchObject({
    task: 'masked',
  })
  expect(() => bertConfig({ ...bert, architectures: ['BertModel'] })).toThrow('got ["BertModel"]')
})

test('a head or a loss that is not built is refused', () => {
  const bert = { model_type: 'bert', num_hidden_layers: 2, num_attention_heads: 4 }
  const classifier = { ...bert, architectures: ['BertForSequenceClassification'] }
  expect(() => bertConfig({ ...classifier, problem_type: 'regression' })).toThrow('problem_type "regression"')
  expect(() => bertConfig({ ...classifier, id2label: { 0: 'LABEL_0' } })).toThrow('num_labels 1')
  expect(bertConfig({ ...classifier, id2label: { 0: 'no', 1: 'yes' } })).toMatchObject({
    task: 'sequence',
  })
})
