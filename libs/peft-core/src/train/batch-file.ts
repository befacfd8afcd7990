import { readSafetensors } from '../adapter/safetensors.js'
import type { RawTensor } from '../adapter/tensor.js'
import { floatTensor, integerValues } from '../adapter/values.js'
import { sameShape } from '../graph/graph.js'
import type { Batch, ImageBatch, TokenBatch } from './batch.js'

/**
 * A batch from a safetensors file: `input_ids` (B, T) and `labels` (B, T) or (B), and where there are any
 * `attention_mask` and `token_type_ids` (B, T); or `pixel_values` (B, C, H, W) and `labels` (B). RangeError names what is
 * missing or has another shape.
 */
export async function readBatch(path: string): Promise<Batch> {
  const tensors = await readSafetensors(path)
  const file = { path, tensors }
  const inputs = ['input_ids', 'pixel_values'].filter((name) => tensors.has(name))
  const labels = tensors.get('labels')
  if (inputs.length !== 1 || labels === undefined) {
    const names = [...tensors.keys()].join(', ')
    throw new RangeError(
      `${path}: expected tensors input_ids or pixel_values, and labels, got ${names === '' ? 'none' : names}`,
    )
  }
  return tensors.has('pixel_values') ? imageBatch(file, labels) : tokenBatch(file, labels)
}

interface BatchFile {
  readonly path: string
  readonly tensors: ReadonlyMap<string, RawTensor>
}

function imageBatch({ path, tensors }: BatchFile, labels: RawTensor): ImageBatch {
  const pixels = tensors.get('pixel_values') as RawTensor
  const [rows, channels, height, width, ...more] = pixels.shape
  if (width === undefined || more.length > 0) {
    const got = pixels.shape.join(', ')
    throw new RangeError(`${path}: pixel_values expected (rows, channels, height, width), got (${got})`)
  }
  const sizes = { channels, height, width } as ImageBatch['image']
  if (!sameShape(labels.shape, [rows as number]))
    throw new RangeError(`${path}: labels expected (${rows}), got (${labels.shape.join(', ')})`)
  return {
    rows: rows as number,
    columns: 0,
    image: sizes,
    pixelValues: floatTensor(pixels).data,
    labels: integerValues(labels),
  }
}

function tokenBatch(file: BatchFile, labels: RawTensor): TokenBatch {
  const { path, tensors } = file
  const ids = tensors.get('input_ids') as RawTensor
  const [rows, columns, ...more] = ids.shape
  if (rows === undefined || columns === undefined || more.length > 0) {
    throw new RangeError(`${path}: input_ids expected (rows, columns), got (${ids.shape.join(', ')})`)
  }
  if (!sameShape(labels.shape, ids.shape) && !sameShape(labels.shape, [rows])) {
    const got = labels.shape.join(', ')
    throw new RangeError(`${path}: labels expected (${rows}, ${columns}) or (${rows}), got (${got})`)
  }
  const tokenTypeIds = perToken(file, 'token_type_ids', ids.shape)
  return {
    rows,
    columns,
    inputIds: integerValues(ids),
    attentionMask: perToken(file, 'attention_mask', ids.shape) ?? new Int32Array(rows * columns).fill(1),
    labels: integerValues(labels),
    ...(tokenTypeIds === undefined ? {} : { tokenTypeIds }),
  }
}

function perToken(
  { path, tensors }: BatchFile,
  name: string,
  shape: readonly number[],
): Int32Array | undefined {
  const tensor = tensors.get(name)
  if (tensor === undefined) return undefined
  if (sameShape(tensor.shape, shape)) return integerValues(tensor)
  throw new RangeError(`${path}: ${name} expected (${shape.join(', ')}), got (${tensor.shape.join(', ')})`)
}
