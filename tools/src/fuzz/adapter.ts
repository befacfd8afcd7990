import { createHash } from 'node:crypto'
import { decodeSafetensors, encodeSafetensors, type RawTensor, rawTensor } from '@lorica/peft-core'
import { limits, parseBlobReadReply, type TrainAssignment } from '@lorica/protocol'
import type { Wire } from '../conformance/wire.js'

/** The base of the runs. */
export const modelFolder = new URL('../../../models/moby-dick/', import.meta.url)

/** The tensors of an adapter or an update, as they lie in a file. */
export type RawTensors = ReadonlyMap<string, RawTensor>

/** The adapter of an assignment, read from the coordinator. */
export async function readAdapter(wire: Wire, { adapter }: TrainAssignment): Promise<RawTensors> {
  const file = adapter.files.find(({ path }) => path === 'adapter_model.safetensors')
  if (file === undefined) throw new Error('the adapter has no weights')
  const parts: Uint8Array[] = []
  for (let offset = 0; offset < file.sizeBytes; ) {
    const question = { sha256: file.sha256, offset, length: limits.chunkBytes }
    const { bytes } = parseBlobReadReply(await wire.say('blob.read', question))
    parts.push(Uint8Array.from(bytes))
    offset += bytes.byteLength
  }
  return decodeSafetensors(Buffer.concat(parts))
}

/** An update with the shapes of an adapter whose every value is `delta`. */
export function flatUpdate(adapter: RawTensors, delta: number): RawTensors {
  return new Map(
    [...adapter].map(([name, { shape }]) => {
      const count = shape.reduce((product, side) => product * side, 1)
      return [name, rawTensor({ shape, data: new Float32Array(count).fill(delta) })] as const
    }),
  )
}

/** The file of an update. */
export function updateFile(tensors: RawTensors): Uint8Array {
  return encodeSafetensors(tensors, { format: 'pt', lorica: 'delta' })
}

/** What an agent says of its update before it sends it. */
export function offerOf({ assignmentId, local, data }: TrainAssignment, bytes: Uint8Array) {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const examples = local.steps * local.batch
  const tokens = examples * data.maxTokens
  return {
    ...{ assignmentId, sha256, sizeBytes: bytes.byteLength, examples, tokens },
    ...{ trainMs: 7, lossFirst: 3, lossLast: 2.5 },
  }
}
