import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPeftConfig, type DecodingEngine, startDecodingEngine } from '@lorica/peft-core'
import { Command, Option } from 'commander'
import { type EngineChoice, engineOptions, openEngine, withEngineOptions } from '../learning/engine-choice.js'
import { withCode } from '../learning/errors.js'
import { type RandomModel, writeRandomModel } from '../learning/random-model.js'
import { positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'
import { servedShapes } from './shapes.js'
import { transformersSpeed } from './transformers-speed.js'

const BATCHES = [1, 8] as const

interface BenchServeOptions extends EngineChoice {
  readonly shape: keyof typeof servedShapes
  readonly prompt: number
  readonly tokens: number
  readonly turns: number
  readonly python?: string
  readonly prepacking?: boolean
}

/** `lorica bench serve`: how fast a model answers, beside the same without its cache, and beside transformers. */
export function benchServeCommand(): Command {
  const command = new Command('serve')
    .description(
      'generate with a model of random weights: one text and eight at once, with and without the cache',
    )
    .addOption(
      new Option('--shape <name>', 'what generates').choices(Object.keys(servedShapes)).default('gpt2-small'),
    )
    .option('--prompt <n>', 'tokens of each prompt', positiveInteger, 64)
    .option('--tokens <n>', 'tokens that follow each', positiveInteger, 64)
    .option('--turns <n>', 'how often each thing is done; the best counts', positiveInteger, 3)
    .option('--prepacking', 'lay weights out anew for several texts at once')
    .option('--python <path>', 'a Python with torch and transformers, to be measured in the same run')
  return runs(withEngineOptions(command), (options: BenchServeOptions, output) =>
    withCode('LRC-6003', () => bench(options, output)),
  )
}

/** How many tokens are enough to time where each costs the whole text. */
const UNCACHED_TOKENS = 8

async function bench(options: BenchServeOptions, output: Output): Promise<void> {
  const { shape: name, prompt, tokens, turns, python, prepacking = false } = options
  const shape: RandomModel = servedShapes[name]
  const folder = await mkdtemp(join(tmpdir(), 'lorica-bench-'))
  try {
    output.progress('writing random weights …')
    await writeRandomModel(folder, shape)
    const most = Math.max(...BATCHES)
    const prompts = Array.from({ length: most }, (_, row) =>
      Array.from({ length: prompt }, (_, at) => (7 + row * 31 + at * at * 13 + at * 5) % shape.vocabulary),
    )
    const engine = engineOptions(options)
    await using decoding = await startDecodingEngine(engine)
    await decoding.open({ model: folder, maxTexts: most, maxColumns: prompt + tokens + 1, prepacking })
    await decoding.load('base', null, [1, 2])
    const cached: Record<string, number> = {}
    for (const batch of BATCHES) {
      output.progress(`${batch} at once …`)
      const seconds = await best(turns + 1, () => together(decoding, prompts.slice(0, batch), tokens))
      cached[batch] = (batch * tokens) / seconds
    }
    output.progress('without the cache …')
    const uncached =
      UNCACHED_TOKENS / (await uncachedSeconds(options, { folder, prompt: prompts[0] ?? [], turns }))
    output.progress('transformers …')
    const work = { model: folder, prompts, tokens, turns, threads: engine.threads ?? 1 }
    const speed = python === undefined ? undefined : transformersSpeed(python, work, BATCHES)
    const other = Object.fromEntries(
      Object.entries(speed?.seconds ?? {}).map(([batch, seconds]) => [
        batch,
        (Number(batch) * tokens) / seconds,
      ]),
    )
    const ratios = Object.fromEntries(
      Object.entries(other).map(([batch, rate]) => [batch, (cached[batch] as number) / rate]),
    )
    const toUncached = (cached[1] as number) / uncached
    output.result(
      {
        ...{ shape: name, prompt, tokens, threads: engine.threads, prepacking, engine: decoding.facts },
        tokensPerSecond: { cached, uncached },
        cachedToUncached: toUncached,
        transformers: speed === undefined ? null : { version: speed.version, tokensPerSecond: other, ratios },
      },
      [
        `${name}: ${tokens} tokens after prompts of ${prompt}, ${engine.threads} threads, the best of ${turns}; prompts are part of the time`,
        ...BATCHES.map((batch) => line(`${batch} at once`, cached[batch] as number)),
        line('1, the whole text for each token', uncached),
        ...Object.entries(other).map(
          ([batch, rate]) =>
            `${line(`${batch} at once, transformers`, rate)}   ${(ratios[batch] as number).toFixed(2)} times as fast here`,
        ),
        `the cache makes one text ${toUncached.toFixed(1)} times as fast`,
      ],
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const line = (what: string, rate: number): string =>
  `  ${what.padEnd(36)} ${rate.toFixed(1).padStart(8)} tokens/s`

/** Seconds of the fastest run; the first makes things ready. */
async function best(times: number, work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let time = 0; time < times; time++) {
    const startedMs = performance.now()
    await work()
    if (time > 0) least = Math.min(least, (performance.now() - startedMs) / 1000)
  }
  return least
}

const together = (engine: DecodingEngine, prompts: readonly (readonly number[])[], maxTokens: number) =>
  Promise.all(
    prompts.map((prompt) =>
      engine.decode(
        { adapter: 'base', prompt, maxTokens, choice: { temperature: 0 }, seed: 1, stopIds: [] },
        () => {},
      ),
    ),
  )

/** Seconds of reading the whole text anew for each token. */
async function uncachedSeconds(
  options: BenchServeOptions,
  {
    folder,
    prompt,
    turns,
  }: { readonly folder: string; readonly prompt: readonly number[]; readonly turns: number },
): Promise<number> {
  await using engine = await openEngine(options)
  const columns = prompt.length + UNCACHED_TOKENS
  const config = createPeftConfig({ method: 'lora', rank: 1, alpha: 1, targets: 'all-linear', rslora: false })
  await engine.open({ model: folder, config, rows: 1, columns, trainable: 'nothing', purpose: 'logits' })
  return await best(turns + 1, async () => {
    const ids = [...prompt]
    for (let token = 0; token < UNCACHED_TOKENS; token++) {
      const logits = await engine.logits(new Map(), ids)
      ids.push(logits.indexOf(Math.max(...logits.subarray(0, 1000)))) // any of the likely ones will do
    }
  })
}
