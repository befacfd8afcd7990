/**
 * Low-rank adaptation of the stacked weights of sparse experts: expert e applies W_e + scaling * B_e A_e.
 *
 * PEFT keeps the factors of all experts in two matrices of different order: A (E R, I), expert by expert, and B (O, R E),
 * rank by rank. Reference: `ParamWrapper` in
 * https://github.com/huggingface/peft/blob/main/src/peft/tuners/lora/layer.py
 *
 * Sizes used below: N = tokens of an expert, I = inputs, O = outputs, R = rank, E = experts.
 * @module
 */
import { isTargetParameter, wrapperPaths } from '../adapter/expert-targets.js'
import { type AdaptedModule, factorKey } from '../adapter/factors.js'
import { type LoraConfig, rankOf, scalingOf } from '../adapter/lora-config.js'
import type { GraphBuilder } from '../graph/builder.js'
import { float, int, ints, type Value } from '../graph/graph.js'
import type { ExpertParameter } from '../source/expert-parameters.js'
import { type AppendNode, appendFrozen, appendOutput } from './insert.js'

/** The parameters that a configuration targets, each with the module that its factors are kept under. */
export function expertTargets(
  parameters: readonly ExpertParameter[],
  targets: readonly string[] | null,
): readonly { readonly parameter: ExpertParameter; readonly wrapper: string }[] {
  const found = parameters.filter(({ path }) => isTargetParameter(targets ?? [], path))
  if (found.length === 0 && targets !== null) {
    const known = [...new Set(parameters.map(({ path }) => path.split('.').slice(-2).join('.')))]
    const has = known.length === 0 ? 'no stacked parameters' : known.join(', ')
    throw new RangeError(`target_parameters ${targets.join(', ')} match no parameter; the model has ${has}`)
  }
  const wrappers = wrapperPaths(found.map(({ path }) => path))
  return found.map((parameter) => ({ parameter, wrapper: wrappers.get(parameter.path) as string }))
}

/** A stack of matrices as a module of factors: those of all experts together. */
export function expertModuleOf({
  parameter,
  wrapper,
}: ReturnType<typeof expertTargets>[number]): AdaptedModule {
  const { path, experts, inFeatures, outFeatures } = parameter
  return { path: wrapper, kind: 'experts', parameter: path, experts, inFeatures, outFeatures }
}

/** What is appended at each node that gives an expert's product. */
export function loraExperts(
  config: LoraConfig,
  targets: ReturnType<typeof expertTargets>,
): ReadonlyMap<string, AppendNode> {
  return new Map(
    targets.flatMap(({ parameter, wrapper }) => {
      const factors = factorsOnce(config, parameter, wrapper)
      const alpha = float(scalingOf(config, parameter.path))
      return parameter.applications.map(({ expert, input, node: name }): readonly [string, AppendNode] => [
        name,
        (builder, node) => {
          const module = node.module ?? parameter.path
          const frozen = appendFrozen({ builder, node }) // (N, O)
          const { a, b } = factors(builder)[expert] as ExpertFactors
          const low = builder.op('FusedMatMul', [builder.value(input), a], {
            domain: 'com.microsoft',
            module,
            attributes: { transB: int(1) },
          }) // (N, R)
          const inputs = [low.name, b.name, frozen.name]
          const attributes = { transB: int(1), alpha }
          appendOutput({ builder, node, module: { path: module } }, { op: 'Gemm', inputs, attributes })
        },
      ])
    }),
  )
}

interface ExpertFactors {
  readonly a: Value // (R, I)
  readonly b: Value // (O, R)
}

/** The factors of each expert, cut out of the two inputs when the first expert is reached. */
function factorsOnce(
  config: LoraConfig,
  { path, experts, inFeatures, outFeatures }: ExpertParameter,
  wrapper: string,
): (builder: GraphBuilder) => readonly ExpertFactors[] {
  const rank = rankOf(config, path)
  let made: readonly ExpertFactors[] | undefined
  return (builder) => {
    if (made !== undefined) return made
    const reshape = (x: Value, shape: readonly number[]): Value =>
      builder.op('Reshape', [x, builder.constant(shape, 'int64')], { module: path })
    const split = (x: Value): readonly Value[] =>
      builder.ops('Split', [x], {
        attributes: { axis: int(0), num_outputs: int(experts) },
        outputs: experts,
        module: path,
      })
    const a = builder.input(factorKey(wrapper, 'A'), 'float32', [experts * rank, inFeatures])
    const b = builder.input(factorKey(wrapper, 'B'), 'float32', [outFeatures, rank * experts])
    const byExpert = builder.op('Transpose', [reshape(b, [outFeatures, rank, experts])], {
      attributes: { perm: ints([2, 0, 1]) },
      module: path,
    }) // (E, O, R)
    const [as, bs] = experts === 1 ? [[a], [byExpert]] : [split(a), split(byExpert)]
    made = as.map((each, at) => ({ a: each, b: reshape(bs[at] as Value, [outFeatures, rank]) }))
    return made
  }
}
