import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { int, ints, type Value } from '../graph/graph.js'
import type { OnnxNode } from '../graph/onnx-model.js'
import { elementNumbers } from '../operators/elementwise.js'
import { moduleOfNode, parameterPath } from './module-names.js'
import { linearModules } from './modules.js'

function exported(name: string, scopes?: string): OnnxNode {
  const metadata = new Map(scopes === undefined ? [] : [['pkg.torch.onnx.name_scopes', scopes]])
  return {
    name,
    op: 'MatMul',
    domain: '',
    inputs: [],
    outputs: [],
    attributes: {},
    opaque: new Map(),
    metadata,
  }
}

test('the scopes that torch.export notes name the module, its operator last', () => {
  const scopes =
    "['', 'model', 'model.layers.0', 'model.layers.0.mlp', 'model.layers.0.mlp.up_proj', 'linear_4']"
  expect(moduleOfNode(exported('node_linear_4', scopes))).toBe('model.layers.0.mlp.up_proj')
  expect(moduleOfNode(exported('node_add', "['', 'add']"))).toBeUndefined()
})

test('the names that TorchScript gives name the module, its operator last', () => {
  expect(moduleOfNode(exported('/transformer/h.0/attn/c_attn/Gemm'))).toBe('transformer.h.0.attn.c_attn')
  expect(moduleOfNode(exported('/MatMul'))).toBeUndefined()
  expect(moduleOfNode(exported('MatMul_30'))).toBeUndefined()
})

test('the names of onnxruntime-genai and of TensorFlow become those of PyTorch', () => {
  expect(moduleOfNode(exported('/model/layers.3/attn/q_proj/MatMul'))).toBe('model.layers.3.self_attn.q_proj')
  expect(moduleOfNode(exported('/model/layers.3/attn/qkv_proj/MatMul_Q4'))).toBe(
    'model.layers.3.self_attn.qkv_proj',
  )
  expect(moduleOfNode(exported('/lm_head/MatMul'))).toBe('lm_head')
  expect(parameterPath('model.layers.0.attn.o_proj.MatMul.weight')).toBe('model.layers.0.self_attn.o_proj')
  expect(parameterPath('model.layers.0.mlp.down_proj.MatMul.weight_Q4')).toBe('model.layers.0.mlp.down_proj')
  const keras = 'tf_bert/bert/encoder/layer_._11/attention/self/query/Tensordot/MatMul'
  expect(moduleOfNode(exported(keras))).toBe('tf_bert.bert.encoder.layer.11.attention.self.query')
})

function graphOf(
  build: (x: Value, weight: (name: string, rows: number, columns: number) => Value) => void,
  builder = createBuilder(),
) {
  const x = builder.input('x', 'float32', [5, 4])
  build(x, (name, rows, columns) =>
    builder.weight({
      name,
      element: 'float32',
      shape: [rows, columns],
      data: { kind: 'bytes', bytes: new Uint8Array(rows * columns * 4) },
    }),
  )
  return linearModules(builder.build()).map(({ path, inFeatures, outFeatures, weightLayout }) => [
    path,
    inFeatures,
    outFeatures,
    weightLayout,
  ])
}

test('a layer is found whichever way round its weight is, and through casts and transpositions', () => {
  const builder = createBuilder()
  const found = graphOf((x, weight) => {
    builder.op('MatMul', [x, weight('onnx::MatMul_7', 4, 6)], { module: 'h.0.up' })
    builder.op('Gemm', [x, weight('h.0.gate.weight', 6, 4)], {
      module: 'h.0.gate',
      attributes: { transB: int(1) },
    })
    const turned = builder.op('Transpose', [weight('w3', 6, 4)], { attributes: { perm: ints([1, 0]) } })
    const cast = builder.op('Cast', [turned], { attributes: { to: int(elementNumbers.float32) } })
    builder.op('MatMul', [x, cast], { module: 'h.0.down' })
    builder.op('MatMul', [x, builder.op('Transpose', [x])], { module: 'h.0.attn' })
  }, builder)
  expect(found).toEqual([
    ['h.0.up', 4, 6, 'in-out'],
    ['h.0.gate', 4, 6, 'out-in'],
    ['h.0.down', 4, 6, 'out-in'],
  ])
})

test('without a module, the weight names the layer, or the bias that is added', () => {
  const builder = createBuilder()
  const found = graphOf((x, weight) => {
    builder.op('MatMul', [x, weight('encoder.q.weight', 4, 6)])
    const k = builder.op('MatMul', [x, weight('302', 4, 6)])
    builder.op('Add', [weight('encoder.k_lin.bias', 1, 6), k])
    builder.op('MatMul', [x, weight('encoder.v.weight_transposed', 4, 6)])
  }, builder)
  expect(found.map(([path]) => path)).toEqual(['encoder.q', 'encoder.k_lin', 'encoder.v'])
})

test('a decoder that shares the table of the embedding is not called after the embedding', () => {
  const builder = createBuilder()
  const found = graphOf((x, weight) => {
    const table = weight('bert.embeddings.word_embeddings.weight', 9, 4)
    builder.op('Gather', [table, builder.constant([1, 7], 'int64')])
    const logits = builder.op('MatMul', [x, builder.op('Transpose', [table])])
    builder.op('Add', [logits, weight('cls.predictions.bias', 1, 9)])
  }, builder)
  expect(found).toEqual([['cls.predictions.decoder', 4, 9, 'out-in']])
})

test('a projection that the attention applies itself has its own name', () => {
  const builder = createBuilder()
  const found = graphOf((x, weight) => {
    builder.op('Gemm', [x, weight('attn.out_proj.weight', 4, 6)], { module: 'attn' })
  }, builder)
  expect(found.map(([path]) => path)).toEqual(['attn.out_proj'])
})

test('a head that shares the table of the embedding is still the head', () => {
  const builder = createBuilder()
  const found = graphOf((x, weight) => {
    const table = weight('transformer.wte.weight', 9, 4)
    builder.op('MatMul', [x, builder.op('Transpose', [table])], { module: 'lm_head' })
  }, builder)
  expect(found).toEqual([['lm_head', 4, 9, 'out-in']])
})

test('a module that the model was wrapped in for the export is left out', () => {
  const wrapped = (paths: readonly string[]) => {
    const builder = createBuilder()
    return graphOf((x, weight) => {
      for (const module of paths) builder.op('MatMul', [x, weight(`weight of ${module}`, 4, 6)], { module })
    }, builder).map(([path]) => path)
  }
  expect(wrapped(['net.model.layers.0.q_proj', 'net.lm_head'])).toEqual(['model.layers.0.q_proj', 'lm_head'])
  expect(wrapped(['model.layers.0.q_proj', 'lm_head'])).toEqual(['model.layers.0.q_proj', 'lm_head'])
  expect(wrapped(['model.layers.0.q_proj', 'model.layers.0.k_proj'])).toEqual([
    'model.layers.0.q_proj',
    'model.layers.0.k_proj',
  ])
})
