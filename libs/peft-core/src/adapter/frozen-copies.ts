/**
 * PEFT stores the frozen weight of an adapted embedding or output layer beside its factors, unless it is told not to.
 * Reference: `save_embedding_layers` in https://github.com/huggingface/peft/blob/main/src/peft/utils/save_and_load.py
 * @module
 */
import { factorKey } from './factors.js'
import type { PeftConfig } from './peft-config.js'
import type { TensorMap } from './tensor.js'

/**
 * The tensors without such copies: the base has them. RangeError when a copy has not the sides of its module, as after
 * tokens were added to the base. Frozen weights of modules without factors stay, and are refused with the rest.
 */
export function withoutFrozenCopies({ method }: Pick<PeftConfig, 'method'>, tensors: TensorMap): TensorMap {
  if (method !== 'lora') return tensors
  return new Map([...tensors].filter(([key, { shape }]) => !isFrozenCopy(key, shape, tensors)))
}

function isFrozenCopy(key: string, shape: readonly number[], tensors: TensorMap): boolean {
  const path = /^base_model\.model\.(.+)\.base_layer\.weight$/s.exec(key)?.[1]
  const sides = path === undefined ? undefined : sidesOf(path, tensors)
  if (sides === undefined) return false
  if (shape.length === 2 && sides.every((side, axis) => side === shape[axis])) return true
  throw new RangeError(
    `tensor "${key}" expected the shape (${sides.join(', ')}) of its factors, got (${shape.join(', ')})`,
  )
}

/** (outputs, inputs) of a linear layer, (rows, width) of an embedding; undefined without both factors. */
function sidesOf(path: string, tensors: TensorMap): readonly (number | undefined)[] | undefined {
  const shapes = (kind: 'linear' | 'embedding') =>
    [tensors.get(factorKey(path, 'A', kind))?.shape, tensors.get(factorKey(path, 'B', kind))?.shape] as const
  const [a, b] = shapes('linear')
  if (a !== undefined && b !== undefined) return [b[0], a[1]]
  const [rows, width] = shapes('embedding')
  return rows === undefined || width === undefined ? undefined : [rows[1], width[0]]
}
