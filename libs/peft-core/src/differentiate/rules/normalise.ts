/**
 * Gradients of layer normalisation and of its form without a mean (RMS). With c = x - mean, r = 1 / deviation and
 * h = gradient * scale: dx = r (h - mean(h)) - c r^3 mean(h c); without a mean, c is x and mean(h) is left out.
 * Paper: https://arxiv.org/abs/1607.06450
 * @module
 */
import { axisOf, floatOf, int, intOf, type Value } from '../../graph/graph.js'
import { elementNumbers } from '../../operators/elementwise.js'
import { algebra, sumTo } from './algebra.js'
import { gradientOf, inputOf, outputOf, type Rule, type RuleCall, type Rules } from './rule.js'

interface Statistics {
  readonly centred: Value // x - mean, or x
  readonly inverse: Value // 1 / deviation, with sides of 1 on the normalised axes
  readonly axes: readonly number[]
}

function statistics(call: RuleCall, hasMean: boolean): Statistics {
  const { node, builder, outputs } = call
  const { sub, add, mul, mean, apply } = algebra(builder)
  const x = inputOf(call, 0)
  const first = axisOf(intOf(node, 'axis', -1), x.shape.length)
  const axes = x.shape.map((_, axis) => axis).slice(first)
  // The forward pass gives its statistics in float32, whatever the input is.
  const kept = (index: number): Value | undefined => {
    const output = outputs[index]
    const to = { to: int(elementNumbers[x.element]) }
    return output === undefined || output.element === x.element ? output : apply('Cast', output, to)
  }
  const centred = hasMean ? sub(x, kept(1) ?? mean(x, axes)) : x
  const deviation = (): Value => add(mean(mul(centred, centred), axes), floatOf(node, 'epsilon', 1e-5))
  const inverse = kept(hasMean ? 2 : 1) ?? apply('Reciprocal', apply('Sqrt', deviation()))
  return { centred, axes, inverse }
}

function normalisation(hasMean: boolean): Rule {
  return (call) => {
    const { builder, needed, inputs } = call
    const { sub, mul, mean } = algebra(builder)
    const [gradient, scale, bias] = [gradientOf(call), inputOf(call, 1), inputs[2]]
    const full = outputOf(call).shape
    const { centred, inverse, axes } = statistics(call, hasMean)
    const inputGradient = (): Value => {
      const scaled = mul(gradient, scale)
      const slope = mul(mean(mul(scaled, centred), axes), mul(inverse, mul(inverse, inverse)))
      const shifted = hasMean ? sub(scaled, mean(scaled, axes)) : scaled
      return sub(mul(shifted, inverse), mul(centred, slope))
    }
    const scaleGradient = (): Value => sumTo(builder, mul(gradient, mul(centred, inverse)), scale.shape, full)
    return [
      needed[0] ? inputGradient() : undefined,
      needed[1] ? scaleGradient() : undefined,
      needed[2] && bias !== undefined ? sumTo(builder, gradient, bias.shape, full) : undefined,
    ]
  }
}

export const normalisationRules: Rules = {
  LayerNormalization: normalisation(true),
  SimplifiedLayerNormalization: normalisation(false),
}
