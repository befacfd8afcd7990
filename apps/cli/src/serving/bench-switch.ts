/**
 * How long requests take while the adapter that answers them is changed, beside how long they take otherwise.
 * @module
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createAdapter, percentile, writeAdapter } from '@lorica/peft-core'
import { adapterOffer, type Serving, startServing } from '@lorica/serving'
import { Command, Option } from 'commander'
import { type EngineChoice, engineOptions, withEngineOptions } from '../learning/engine-choice.js'
import { withCode } from '../learning/errors.js'
import { writeRandomModel } from '../learning/random-model.js'
import { nonNegativeNumber, positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'
import { type AskedFor, askAtOnce } from './asking.js'
import { writeByteTokenizer } from './byte-tokenizer.js'
import { servedShapes } from './shapes.js'

interface BenchSwitchOptions extends EngineChoice {
  readonly model?: string
  readonly shape: keyof typeof servedShapes
  readonly clients: number
  readonly prompt: number
  readonly tokens: number
  readonly switches: number
  readonly pause: number
}

const NAME = 'champion'
const SPEC = { method: 'lora', rank: 8, alpha: 16, targets: 'all-linear', rslora: false } as const

/** `lorica bench switch`: requests one after the other from several clients, while adapters come and go. */
export function benchSwitchCommand(): Command {
  const command = new Command('switch')
    .description(
      'serve a model to several clients, change its adapter again and again, and compare how long requests take meanwhile with how long they take otherwise',
    )
    .option('--model <path>', 'a Hugging Face folder (default: one of random weights)')
    .addOption(
      new Option('--shape <name>', 'of the model of random weights')
        .choices(Object.keys(servedShapes))
        .default('gpt2-small'),
    )
    .option('--clients <n>', 'that ask at once, each one request after the other', positiveInteger, 4)
    .option('--prompt <n>', 'words of each prompt', positiveInteger, 8)
    .option('--tokens <n>', 'tokens of each answer', positiveInteger, 16)
    .option('--switches <n>', 'how often the adapter is changed', positiveInteger, 20)
    .option('--pause <seconds>', 'between two changes', nonNegativeNumber, 5)
  return runs(withEngineOptions(command), (options: BenchSwitchOptions, output) =>
    withCode('LRC-6003', () => bench(options, output)),
  )
}

async function bench(options: BenchSwitchOptions, output: Output): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-bench-'))
  try {
    const model = options.model ?? join(folder, 'model')
    if (options.model === undefined) {
      output.progress('writing random weights …')
      await mkdir(model)
      await writeRandomModel(model, servedShapes[options.shape])
      await writeByteTokenizer(model)
    }
    const adapters = await Promise.all([1, 2].map((seed) => adapterIn(folder, model, seed)))
    await using serving = await startServing({
      ...{
        model,
        host: '127.0.0.1',
        port: 0,
        kept: 2,
        maxTexts: options.clients,
        maxWaiting: options.clients,
      },
      engine: engineOptions(options),
    })
    await serving.shelf.put(NAME, await adapterOffer(model, adapters[0] as string))
    const asked = await askedWhileSwitching(serving, { ...options, model, adapters }, output)
    show(asked, options, output)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** An adapter that changes what the model says. */
async function adapterIn(folder: string, model: string, seed: number): Promise<string> {
  const path = join(folder, `adapter-${seed}`)
  const { config, tensors } = await createAdapter(model, SPEC, seed)
  const moved = [...tensors].map(([name, { shape, data }]) => {
    const wave = data.map((value, at) => value + 0.02 * Math.sin(at * (seed + 0.5)))
    return [name, { shape, data: wave }] as const
  })
  await writeAdapter(path, { config, tensors: new Map(moved) })
  return path
}

interface Switching {
  readonly requests: readonly AskedFor[]
  readonly switches: readonly Span[]
}

interface Span {
  readonly startMs: number
  readonly endMs: number
}

async function askedWhileSwitching(
  { url, shelf }: Serving,
  options: BenchSwitchOptions & { readonly model: string; readonly adapters: readonly string[] },
  output: Output,
): Promise<Switching> {
  const { clients, prompt, tokens, switches: times, model, adapters } = options
  const words = Array.from({ length: prompt }, (_, at) => `w${at}`).join(' ')
  const asking = askAtOnce(`${url}/v1/completions`, clients, {
    ...{ model: NAME, prompt: words, max_tokens: tokens, temperature: 0 },
  })
  const spans: Span[] = []
  try {
    await asking.answered(4 * clients) // graphs are made when they are first needed
    asking.forget()
    for (let time = 0; time < times; time++) {
      output.progress(`change ${time + 1} of ${times} …`)
      await pause(1000 * options.pause)
      const startMs = performance.now()
      await shelf.put(NAME, await adapterOffer(model, adapters[(time + 1) % 2] as string, `v${time}`))
      spans.push({ startMs, endMs: performance.now() })
    }
    await pause(1000 * options.pause)
  } finally {
    await asking.end()
  }
  return { requests: asking.done(), switches: spans }
}

function show({ requests, switches }: Switching, options: BenchSwitchOptions, output: Output): void {
  const failed = requests.filter(({ failure }) => failure !== null)
  const meets = (request: AskedFor): boolean =>
    switches.some(({ startMs, endMs }) => request.startMs <= endMs && request.endMs >= startMs)
  const during = timesOf(requests.filter(meets))
  const otherwise = timesOf(requests.filter((request) => !meets(request)))
  const switchMs = switches.map(({ startMs, endMs }) => endMs - startMs)
  const ratio = during.p95Ms / otherwise.p95Ms
  const { clients, tokens, prompt } = options
  output.result(
    {
      ...{ clients, prompt, tokens, switches: switches.length, failures: failed.length },
      ...{ during, otherwise, p95Ratio: ratio, switchMs: percentile(switchMs, 0.5) },
      firstFailure: failed[0]?.failure ?? null,
    },
    [
      `${clients} clients, answers of ${tokens} tokens; ${switches.length} changes of ${percentile(switchMs, 0.5).toFixed(0)} ms (median)`,
      line('requests while it changed', during),
      line('requests otherwise', otherwise),
      `95th percentile: ${ratio.toFixed(2)} times as long while it changes; ${failed.length} of ${requests.length} requests failed`,
    ],
  )
  if (failed.length > 0) process.exitCode = 1
}

interface Times {
  readonly requests: number
  readonly p50Ms: number
  readonly p95Ms: number
}

function timesOf(requests: readonly AskedFor[]): Times {
  const times = requests.map(({ startMs, endMs }) => endMs - startMs)
  return { requests: times.length, p50Ms: percentile(times, 0.5), p95Ms: percentile(times, 0.95) }
}

const line = (what: string, { requests, p50Ms, p95Ms }: Times): string =>
  `  ${what.padEnd(28)} ${String(requests).padStart(6)}   median ${p50Ms.toFixed(0).padStart(6)} ms   95 % within ${p95Ms.toFixed(0).padStart(6)} ms`
