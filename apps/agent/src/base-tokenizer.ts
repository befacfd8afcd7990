import { openTokenizer, type Tokenizer } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'

/** The tokenizer of a base. Throws LoricaError LRC-7005 where it has none that can be used. */
export async function baseTokenizer(model: string): Promise<Tokenizer> {
  return await openTokenizer(model).catch((cause: Error) => {
    throw new LoricaError('LRC-7005', cause.message, { cause })
  })
}
