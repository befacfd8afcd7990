import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes a tokenizer of which each byte of a text is a token, for a model of random weights with 256 tokens or more. */
export async function writeByteTokenizer(folder: string): Promise<void> {
  const vocab = Object.fromEntries(byteCharacters().map((character, byte) => [character, byte]))
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
  const tokenizer = {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges: [] },
  }
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
}

/** The character that stands for each byte, as GPT-2 has it: itself where it can be seen, else one from 256 on. */
function byteCharacters(): readonly string[] {
  let next = 256
  const isSeen = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isSeen(byte) ? byte : next++))
}
