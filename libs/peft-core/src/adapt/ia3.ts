/**
 * IA3: a trained vector l scales what a module gives, y = l * (W x + b), or what a feed-forward module takes, y = W (l * x) + b.
 * Paper: https://arxiv.org/abs/2205.05638
 *
 * Sizes used below: N = tokens, I = inputs, O = outputs.
 * @module
 */
import { type Ia3Config, isFeedforward } from '../adapter/ia3-config.js'
import { vectorKey, vectorShape } from '../adapter/ia3-vectors.js'
import { appendFrozen, appendOutput, expectOwnMatrix, type Insertion, inputOf, type Site } from './insert.js'

/** What is inserted at the layer of a path. */
export function ia3Layer(config: Ia3Config, path: string): Insertion {
  if (isFeedforward(config, path)) return { at: 'product', append: (site) => scaleInput(config, site) }
  return { at: 'output', append: (site) => scaleOutput(config, site) }
}

function scaleInput(config: Ia3Config, site: Site): void {
  const { builder, node, module } = site
  expectOwnMatrix(module, 'a feed-forward IA3 vector')
  const x = inputOf(site) // (N, I), or more axes
  const vector = builder.input(vectorKey(module.path), 'float32', vectorShape(config, module)) // (1, I)
  const scaled = builder.op('Mul', [x, vector], { module: module.path })
  builder.append({ ...node, inputs: [scaled.name, ...node.inputs.slice(1)] })
}

function scaleOutput(config: Ia3Config, site: Site): void {
  const { builder, module } = site
  const frozen = appendFrozen(site) // (N, O), or more axes
  const vector = builder.input(vectorKey(module.path), 'float32', vectorShape(config, module)) // (O, 1)
  const row = builder.op('Reshape', [vector, builder.constant([module.outFeatures], 'int64')])
  appendOutput(site, { op: 'Mul', inputs: [frozen.name, row.name], attributes: {} })
}
