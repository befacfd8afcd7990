/**
 * Stacked parameters that get factors of their own (PEFT's `target_parameters`), and the keys of these factors: PEFT wraps
 * the module that holds the parameters once for each, the first one innermost.
 * Reference: `_inject_parameters` in https://github.com/huggingface/peft/blob/main/src/peft/tuners/tuners_utils.py
 * @module
 */

/** Whether a parameter's path, model.layers.0.mlp.experts.down_proj, is one of the targets or ends with one. */
export function isTargetParameter(targets: readonly string[], path: string): boolean {
  return targets.some((target) => path === target || path.endsWith(`.${target}`))
}

/** Whether a module holds one of the targets. `wrapped` may end with `.base_layer`, once for each further wrapper. */
export function holdsTarget(targets: readonly string[], wrapped: string): boolean {
  const module = wrapped.replace(/(?:\.base_layer)+$/, '')
  return targets
    .map((target) => target.split('.').slice(0, -1).join('.'))
    .some((holder) => module === holder || module.endsWith(`.${holder}`) || holder === '')
}

/** The modules under which the factors of parameters are kept: by path, given in the order of the model. */
export function wrapperPaths(paths: readonly string[]): ReadonlyMap<string, string> {
  const holder = (path: string): string => path.split('.').slice(0, -1).join('.')
  return new Map(
    paths.map((path, at) => {
      const outer = paths.slice(at + 1).filter((other) => holder(other) === holder(path)).length
      return [path, `${holder(path)}${'.base_layer'.repeat(outer)}`]
    }),
  )
}
