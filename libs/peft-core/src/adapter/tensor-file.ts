import { randomUUID } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { encodeSafetensors } from './safetensors-write.js'
import { rawTensor, type TensorMap } from './tensor.js'

/** Writes float32 tensors as a safetensors file, which appears whole or not at all. */
export async function writeTensors(path: string, tensors: TensorMap): Promise<void> {
  const raw = new Map([...tensors].map(([name, tensor]) => [name, rawTensor(tensor)]))
  const staging = `${path}.part-${randomUUID()}`
  try {
    await writeFile(staging, encodeSafetensors(raw))
    await rename(staging, path)
  } finally {
    await rm(staging, { force: true })
  }
}
