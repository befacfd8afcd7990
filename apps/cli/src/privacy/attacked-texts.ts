/**
 * Texts as an attacker sees them: what a model says of each of their tokens, with an adapter and without.
 * @module
 */
import { deflateSync } from 'node:zlib'
import { describeModel, openTokenizer, streamDocuments, type Tokenizer, textRows } from '@lorica/peft-core'
import type { ScoredText, TokenScores } from '@lorica/privacy'
import { LoricaError } from '@lorica/protocol'
import { type Command, Option } from 'commander'
import { type EngineChoice, withEngineOptions } from '../learning/engine-choice.js'
import { withCode } from '../learning/errors.js'
import { measureEach } from '../learning/measured.js'
import { openSession, type SessionSpec } from '../learning/session.js'
import { positiveInteger } from '../screen/argument.js'
import type { Output } from '../screen/output.js'

export interface AttackOptions extends EngineChoice {
  readonly model: string
  readonly adapter: string
  readonly members: string
  readonly others: string
  readonly batch: number
  readonly maxTokens: number
}

export interface AttackedTexts {
  readonly members: readonly ScoredText[]
  readonly others: readonly ScoredText[]
}

/** An adapter that changes nothing: its B is zero. */
const BASE = { method: 'lora', rank: 1, alpha: 1, targets: 'all-linear', rslora: false } as const

/** The options that every attack with texts takes. */
export function withAttackOptions(
  command: Command,
  is: { readonly members: string; readonly others: string },
): Command {
  return withEngineOptions(
    command
      .requiredOption('--model <path>', 'base model: a Hugging Face folder or an .onnx file')
      .requiredOption('--adapter <folder>', 'the PEFT adapter that is attacked, such as a release')
      .requiredOption('--members <file>', is.members)
      .requiredOption('--others <file>', is.others)
      .addOption(new Option('--batch <rows>', 'texts in one batch').argParser(positiveInteger).default(8))
      .option('--max-tokens <n>', 'tokens read of a text, at most', positiveInteger, 128),
  )
}

/** Reads both files (paragraphs, or JSON lines with a "text") and measures each text with the adapter and with the base alone. */
export async function attackedTexts(options: AttackOptions, output: Output): Promise<AttackedTexts> {
  const { model, adapter, members, others } = options
  const { task } = await withCode('LRC-7001', () => describeModel(model))
  if (task !== 'causal')
    throw new LoricaError(
      'LRC-7004',
      `the attack needs a model that continues text, and this one is for the task "${task}"`,
    )
  const tokenizer = await withCode('LRC-7005', () => openTokenizer(model))
  const texts = [await textsOf(members), await textsOf(others)] as const
  const rows = texts.flat().map((text) => rowOf(text, tokenizer, options.maxTokens))
  const measure = (from: SessionSpec['adapter'], what: string): Promise<readonly TokenScores[]> => {
    output.progress(`measuring ${rows.length} texts ${what} …`)
    return measured(rows, tokenizer, { ...options, from })
  }
  const target = await measure(adapter, 'with the adapter')
  const base = await measure(BASE, 'with the base alone')
  const scored = texts.flat().map(
    (text, at): ScoredText => ({
      target: target[at] as TokenScores,
      base: base[at] as TokenScores,
      compressedBytes: deflateSync(text).length,
    }),
  )
  return { members: scored.slice(0, texts[0].length), others: scored.slice(texts[0].length) }
}

async function textsOf(file: string): Promise<readonly string[]> {
  return await withCode('LRC-6001', async () => {
    const texts: string[] = []
    for await (const text of streamDocuments(file)) texts.push(text)
    return texts
  })
}

/** A text as training shows it: what ends a text comes before it, so that its first token is predicted too. */
function rowOf(text: string, { separator, encode }: Tokenizer, maxTokens: number): readonly number[] {
  return [...separator, ...encode(text)].slice(0, maxTokens)
}

async function measured(
  texts: readonly (readonly number[])[],
  { padId }: Tokenizer,
  { from, ...options }: AttackOptions & { readonly from: SessionSpec['adapter'] },
): Promise<readonly TokenScores[]> {
  const columns = texts.reduce((most, text) => Math.max(most, text.length), 2)
  const { model, batch: rows } = options
  await using session = await openSession({
    ...{ model, adapter: from, rows, columns, seed: 0, engine: options, purpose: 'measure' },
  })
  const found: TokenScores[] = []
  const batches = textRows(texts, { rows, columns, padId })
  await measureEach({ engine: session.engine, tensors: session.adapter.tensors }, batches, (batch, one) => {
    for (let row = 0; row < batch.rows; row++) {
      const places = [...one.places.keys()].filter(
        (at) => Math.floor((one.places[at] as number) / columns) === row,
      )
      const of = (values: Float32Array) => places.map((at) => values[at] as number)
      found.push({
        logProbabilities: of(one.logProbabilities),
        expected: of(one.expectedLogs),
        deviations: of(one.logDeviations),
      })
    }
  })
  return found.slice(0, texts.length)
}
