import { open } from 'node:fs/promises'
import { openTokenizer } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'

const SAMPLE_BYTES = 256 * 1024

/** About how many tokens files have for the tokenizer of a base, from the beginning of each. LRC-7005 without a tokenizer. */
export async function countTokens(paths: readonly string[], base: string): Promise<number> {
  const tokenizer = await openTokenizer(base).catch((cause: Error) => {
    throw new LoricaError('LRC-7005', cause.message, { cause })
  })
  let total = 0
  for (const path of paths) {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      const sample = new Uint8Array(Math.min(size, SAMPLE_BYTES))
      const { bytesRead } = await file.read(sample, 0, sample.byteLength, 0)
      const text = Buffer.from(sample.subarray(0, bytesRead)).toString('utf8')
      if (bytesRead > 0) total += Math.round((tokenizer.encode(text).length * size) / bytesRead)
    } finally {
      await file.close()
    }
  }
  return total
}
