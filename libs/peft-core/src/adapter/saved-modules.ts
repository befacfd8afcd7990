/**
 * Modules that are kept whole beside the factors, as PEFT's `modules_to_save` names them.
 * Reference: `_set_trainable` in https://github.com/huggingface/peft/blob/main/src/peft/utils/other.py
 * @module
 */

const PREFIX = 'base_model.model.'

/** Whether a tensor's key, base_model.model.<module>.<parameter>, is of a module whose path ends with one of the names. */
export function isSavedKey(names: readonly string[] | null, key: string): boolean {
  if (names === null || !key.startsWith(PREFIX) || /\.lora_/.test(key)) return false
  const parts = key.slice(PREFIX.length).split('.')
  const modules = parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('.'))
  return modules.some((module) => names.some((name) => module.endsWith(name)))
}

/** Whether a module is one of the saved ones, or inside one: it gets no factors. */
export function isInSaved(names: readonly string[] | null, path: string): boolean {
  return (names ?? []).some((name) => `.${path}.`.includes(`.${name}.`))
}
