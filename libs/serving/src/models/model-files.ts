/**
 * What a folder says about how its model is served: where answers end, and how conversations are written.
 * @module
 */
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ChatTemplate, createChatTemplate, type Tokenizer } from '@lorica/peft-core'

/** Every token that ends an answer: the tokenizer's, and those of generation_config.json or else config.json. */
export async function stopIdsOf(
  model: string,
  { eosId }: Pick<Tokenizer, 'eosId'>,
): Promise<readonly number[]> {
  const folder = await folderOf(model)
  const stated = await Promise.all(
    ['generation_config.json', 'config.json'].map((name) => eosIn(join(folder, name))),
  )
  const ids = [eosId, ...(stated.find((some) => some.length > 0) ?? [])]
  return [...new Set(ids.filter((id) => id !== undefined))]
}

/** The template of a file, or else that of the tokenizer, or of chat_template.jinja beside the model; undefined without one. */
export async function templateOf(
  model: string,
  tokenizer: Pick<Tokenizer, 'chatTemplate' | 'specialTokens'>,
  file?: string,
): Promise<ChatTemplate | undefined> {
  const beside = join(await folderOf(model), 'chat_template.jinja')
  const source =
    file === undefined
      ? (tokenizer.chatTemplate ?? (await readFile(beside, 'utf8').catch(() => undefined)))
      : await readFile(file, 'utf8')
  return source === undefined ? undefined : createChatTemplate(source, tokenizer.specialTokens)
}

async function folderOf(model: string): Promise<string> {
  return (await stat(model)).isDirectory() ? model : dirname(model)
}

async function eosIn(file: string): Promise<readonly number[]> {
  const text = await readFile(file, 'utf8').catch(() => '{}')
  const { eos_token_id: ids } = JSON.parse(text) as { readonly eos_token_id?: unknown }
  return [ids].flat().filter((id) => typeof id === 'number')
}
