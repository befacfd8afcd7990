import { readSafetensors } from '../adapter/safetensors.js'
import type { RawTensor } from '../adapter/tensor.js'
import { integerValues } from '../adapter/values.js'
import { sameShape } from '../graph/graph.js'
import type { Batch } from './batches.js'

/**
 * A batch from a safetensors file: `input_ids` (B, T) and `labels` (B, T) or (B), and where there are any
 * `attention_mask` and `token_type_ids` (B, T). RangeError names what is missing or has another shape.
 */
export async function readBatch(path: string): Promise<Batch> {
  const tensors = await readSafetensors(path)
  const ids = tensors.get('input_ids')
  const labels = tensors.get('labels')
  if (ids === undefined || labels === undefined) {
    const names = [...tensors.keys()].join(', ')
    throw new RangeError(
      `${path}: expected tensors input_ids and labels, got ${names === '' ? 'none' : names}`,
    )
  }
  const [rows, columns, ...more] = ids.shape
  if (rows === undefined || columns === undefined || more.length > 0) {
    throw new RangeError(`${path}: input_ids expected (rows, columns), got (${ids.shape.join(', ')})`)
  }
  if (!sameShape(labels.shape, ids.shape) && !sameShape(labels.shape, [rows])) {
    const got = labels.shape.join(', ')
    throw new RangeError(`${path}: labels expected (${rows}, ${columns}) or (${rows}), got (${got})`)
  }
  const like = (name: string): Int32Array | undefined => perToken(path, name, tensors.get(name), ids.shape)
  const tokenTypeIds = like('token_type_ids')
  return {
    rows,
    columns,
    inputIds: integerValues(ids),
    attentionMask: like('attention_mask') ?? new Int32Array(rows * columns).fill(1),
    labels: integerValues(labels),
    ...(tokenTypeIds === undefined ? {} : { tokenTypeIds }),
  }
}

function perToken(
  path: string,
  name: string,
  tensor: RawTensor | undefined,
  shape: readonly number[],
): Int32Array | undefined {
  if (tensor === undefined) return undefined
  if (sameShape(tensor.shape, shape)) return integerValues(tensor)
  throw new RangeError(`${path}: ${name} expected (${shape.join(', ')}), got (${tensor.shape.join(', ')})`)
}
