import { openTokenizer, type Sampling } from '@lorica/peft-core'
import { Command } from 'commander'
import { nonNegativeNumber, positiveInteger, positiveNumber, wholeNumber } from '../screen/argument.js'
import { collect, runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'
import { type EngineChoice, withEngineOptions } from './engine-choice.js'
import { withCode } from './errors.js'
import { openSession } from './session.js'
import { textStream } from './text-stream.js'

interface GenerateOptions extends EngineChoice {
  readonly model: string
  readonly adapter?: string
  readonly prompt: string
  readonly maxNewTokens: number
  readonly temperature: number
  readonly topP: number
  readonly topK?: number
  readonly stop: readonly string[]
  readonly seed: number
}

const BASE = { method: 'lora', rank: 1, alpha: 1, targets: 'all-linear', rslora: false } as const

/** `lorica generate`: a continuation of a prompt. */
export function generateCommand(): Command {
  const command = new Command('generate')
    .description('continue a prompt with a model, with or without an adapter')
    .requiredOption('--model <path>', 'base model: a Hugging Face folder or an .onnx file')
    .requiredOption('--prompt <text>', 'the text to continue')
    .option('--adapter <folder>', 'a PEFT adapter')
    .option('--max-new-tokens <n>', 'tokens to add at most', positiveInteger, 64)
    .option('--temperature <t>', '0 always takes the likeliest token', nonNegativeNumber, 0.8)
    .option(
      '--top-p <p>',
      'sample among the likeliest tokens that together have this probability',
      positiveNumber,
      0.95,
    )
    .option('--top-k <k>', 'sample among this many likeliest tokens', positiveInteger)
    .option('--stop <text>', 'end before this text; may be repeated', collect, [])
    .option('--seed <n>', 'the same seed gives the same text', wholeNumber, 1)
  return runs(withEngineOptions(command), (options: GenerateOptions, output) =>
    withCode('LRC-7004', () => generate(options, output)),
  )
}

async function generate(options: GenerateOptions, output: Output): Promise<void> {
  const { model, prompt, seed, stop } = options
  const adapterOrBase = options.adapter ?? BASE
  const spec = {
    model,
    adapter: adapterOrBase,
    rows: 1,
    columns: 32,
    seed: 0,
    engine: options,
    purpose: 'logits',
  } as const
  output.progress('reading the model …')
  const tokenizer = await withCode('LRC-7005', () => openTokenizer(model))
  await using session = await openSession(spec)
  const { engine, adapter } = session
  const given = tokenizer.encode(prompt)
  const start = given.length === 0 ? [tokenizer.bosId ?? tokenizer.eosId ?? 0] : given
  output.settle()
  if (!output.json) process.stdout.write(prompt)
  const stream = textStream((ids) => tokenizer.decode(ids), stop)
  let firstTokenMs: number | undefined
  const startedMs = performance.now()
  await engine.generate(adapter.tensors, start, samplingOf(options, tokenizer.eosId), (id) => {
    firstTokenMs ??= performance.now() - startedMs
    const shown = stream.add(id)
    if (!output.json) process.stdout.write(shown)
    return !stream.ended
  })
  const seconds = (performance.now() - startedMs) / 1000
  const rest = stream.end()
  const { text, tokens } = stream
  const tokensPerSecond = tokens / seconds
  output.result(
    { prompt, text, tokens, tokensPerSecond, firstTokenMs: firstTokenMs ?? null, seed, engine: engine.facts },
    [rest],
  )
}

function samplingOf(options: GenerateOptions, eosId: number | undefined): Sampling {
  const { maxNewTokens, temperature, topP, topK, seed } = options
  const stopIds = eosId === undefined ? [] : [eosId]
  return {
    maxTokens: maxNewTokens,
    temperature,
    topP,
    ...(topK === undefined ? {} : { topK }),
    seed,
    stopIds,
  }
}
