import { Command } from 'commander'
import { nonNegativeNumber, positiveInteger, positiveNumber, wholeNumber } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'
import { withCode } from './errors.js'
import { openSession } from './session.js'

interface GenerateOptions {
  readonly model: string
  readonly adapter?: string
  readonly prompt: string
  readonly maxNewTokens: number
  readonly temperature: number
  readonly topP: number
  readonly topK?: number
  readonly seed: number
  readonly threads?: number
}

const BASE = { method: 'lora', rank: 1, alpha: 1, targets: 'all-linear', rslora: false } as const

/** `lorica generate`: a continuation of a prompt. */
export function generateCommand(): Command {
  const command = new Command('generate')
    .description('continue a prompt with a model, with or without an adapter')
    .requiredOption('--model <path>', 'base model: a Hugging Face folder')
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
    .option('--seed <n>', 'the same seed gives the same text', wholeNumber, 1)
    .option('--threads <n>', 'processor threads', positiveInteger)
  return runs(command, (options: GenerateOptions, output) =>
    withCode('LRC-7004', () => generate(options, output)),
  )
}

async function generate(options: GenerateOptions, output: Output): Promise<void> {
  const { model, prompt, seed, threads, temperature, topP, topK } = options
  await using session = await openSession({
    model,
    adapter: options.adapter ?? BASE,
    rows: 1,
    columns: 32,
    seed: 0,
    threads,
  })
  const { tokenizer, engine, adapter } = session
  const given = tokenizer.encode(prompt)
  const start = given.length === 0 ? [tokenizer.bosId ?? tokenizer.eosId ?? 0] : given
  const stopIds = tokenizer.eosId === undefined || tokenizer.eosId === null ? [] : [tokenizer.eosId]
  const sampling = {
    maxTokens: options.maxNewTokens,
    temperature,
    topP,
    ...(topK === undefined ? {} : { topK }),
    seed,
    stopIds,
  }
  const added: number[] = []
  let shown = ''
  if (!output.json) process.stdout.write(prompt)
  const startedMs = performance.now()
  await engine.generate(adapter.tensors, start, sampling, (id) => {
    added.push(id)
    if (output.json) return
    const text = tokenizer.decode(added)
    if (text.endsWith('\uFFFD')) return // half of a character: wait for the rest
    process.stdout.write(text.slice(shown.length))
    shown = text
  })
  const seconds = (performance.now() - startedMs) / 1000
  const text = tokenizer.decode(added)
  output.result({ prompt, text, tokens: added.length, tokensPerSecond: added.length / seconds }, [
    text.slice(shown.length),
  ])
}
