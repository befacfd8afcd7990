/**
 * Modules that are kept whole beside the factors, as PEFT's `modules_to_save` names them.
 * Reference: `_set_trainable` in https://github.com/huggingface/peft/blob/main/src/peft/utils/other.py
 * @module
 */

/** What says which modules are kept whole; bottleneck adapters keep none. */
export interface SavedModules {
  readonly method: 'lora' | 'ia3' | 'prompt' | 'bottleneck'
  readonly modulesToSave?: readonly string[] | null
}

/** What stands before a parameter's name in its key. PEFT wraps a model once less for a soft prompt. */
const prefixOf = ({ method }: Pick<SavedModules, 'method'>): string =>
  method === 'prompt' ? 'base_model.' : 'base_model.model.'

/** The key of a parameter, <module>.<parameter>, in adapter_model.safetensors. */
export function savedKey(config: Pick<SavedModules, 'method'>, parameter: string): string {
  return `${prefixOf(config)}${parameter}`
}

/** Whether a tensor's key is of a parameter in a module whose path ends with one of the names. */
export function isSavedKey(config: SavedModules, key: string): boolean {
  const [names, prefix] = [config.modulesToSave ?? null, prefixOf(config)]
  if (names === null || !key.startsWith(prefix) || /\.(?:lora_|ia3_l$)/.test(key)) return false
  const parts = key.slice(prefix.length).split('.')
  const modules = parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('.'))
  return modules.some((module) => names.some((name) => module.endsWith(name)))
}

/** Whether a module is one of the saved ones, or inside one: it gets no factors. */
export function isInSaved(names: readonly string[] | null, path: string): boolean {
  return (names ?? []).some((name) => `.${path}.`.includes(`.${name}.`))
}

/** The paths of the modules that are not kept whole. */
export function adaptablePaths(
  { modulesToSave = null }: SavedModules,
  modules: readonly { readonly path: string }[],
): readonly string[] {
  return modules.map(({ path }) => path).filter((path) => !isInSaved(modulesToSave, path))
}
