import { type Adapter, createAdapter, type Engine, openTokenizer, type Tokenizer } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { Command } from 'commander'
import { type EngineChoice, openEngine, withEngineOptions } from '../learning/engine-choice.js'
import { withCode } from '../learning/errors.js'
import { positiveInteger, positiveNumber } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { table } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { firstLayerStates } from './first-layer-states.js'
import { type Gradients, invert, rowOf } from './invert.js'
import { type View, viewsOf } from './protected-views.js'

interface InversionOptions extends EngineChoice {
  readonly model: string
  readonly text: string
  readonly rank: number
  readonly noiseMultiplier: number
}

/** `lorica privacy attack inversion`: the words of a text, out of the update that one training step on it makes. */
export function inversionCommand(): Command {
  const command = new Command('inversion')
    .description('read a short text back out of the update of one training step, unprotected and protected')
    .requiredOption('--model <path>', 'base model: a Hugging Face folder of the Llama family, of one file')
    .requiredOption('--text <text>', 'what the step is on; of fewer tokens than the rank')
    .option('--rank <r>', 'rank of the adapter (on q_proj and v_proj)', positiveInteger, 32)
    .option('--noise-multiplier <z>', 'noise of the noisy view, over the clip', positiveNumber, 1)
  return runs(withEngineOptions(command), (options: InversionOptions, output) =>
    withCode('LRC-7004', () => demonstrate(options, output)),
  )
}

interface Found {
  readonly view: View['name']
  /** How many of the text's tokens are among those that the attack names. */
  readonly named: number
  /** How many of them it puts in their place. */
  readonly placed: number
  /** What it reads. */
  readonly text: string
}

async function demonstrate(options: InversionOptions, output: Output): Promise<void> {
  const { model, text, rank, noiseMultiplier } = options
  const tokenizer = await withCode('LRC-7005', () => openTokenizer(model))
  const tokens = tokenizer.encode(text)
  if (tokens.length < 2 || tokens.length >= rank)
    throw new LoricaError('LRC-8001', '--text does not fit the attack', {
      expected: `from 2 to ${rank - 1} tokens, fewer than the rank`,
      received: `${tokens.length}`,
    })
  const spec = { method: 'lora', rank, alpha: rank, targets: ['q_proj', 'v_proj'], rslora: false } as const
  const adapter = await withCode('LRC-7001', () => createAdapter(model, spec, 1))
  const states = await withCode('LRC-7001', () => firstLayerStates(model, adapter))
  await using engine = await openEngine(options)
  const columns = tokens.length + 1
  await withCode('LRC-7002', () =>
    engine.open({ model, config: adapter.config, rows: 1, columns, trainable: 'adapter' }),
  )
  const update = await stepOn(tokens, { engine, adapter, tokenizer })
  const found: Found[] = []
  for (const view of await viewsOf(update, noiseMultiplier)) {
    output.progress(`attacking the ${view.name} …`)
    const lengths = { positions: tokens.length, distinct: new Set(tokens).size }
    const guess = await invert(view.gradients, { engine, adapter, tokenizer, states, columns, ...lengths })
    found.push({
      view: view.name,
      named: tokens.filter((token) => guess.named.includes(token)).length,
      placed: tokens.filter((token, at) => guess.sequence[at] === token).length,
      text: tokenizer.decode(guess.sequence),
    })
  }
  const chance = new Set(tokens).size / states.size
  output.result({ tokens: tokens.length, rank, chance, views: found }, linesOf(found, tokens.length, chance))
}

/** The gradients of one step on a text, which plain gradient descent sends as they are. */
async function stepOn(
  tokens: readonly number[],
  {
    engine,
    adapter,
    tokenizer,
  }: { readonly engine: Engine; readonly adapter: Adapter; readonly tokenizer: Tokenizer },
): Promise<Gradients> {
  const whole = [...tokens, tokenizer.separator[0] ?? tokenizer.padId]
  const { gradients } = await engine.gradients(adapter.tensors, rowOf(whole, whole.length, tokenizer.padId))
  return gradients
}

function linesOf(found: readonly Found[], tokens: number, chance: number): readonly string[] {
  return [
    ...table([
      ['what is seen', 'tokens named', 'in their place', ''],
      ...found.map(({ view, named, placed, text }) => [
        view,
        `${named} of ${tokens}`,
        `${placed} of ${tokens}`,
        JSON.stringify(text),
      ]),
    ]),
    '',
    `By guessing, ${(100 * chance).toFixed(1)} % of the tokens would be named.`,
    'A step on as many tokens as the rank, or more, spans every direction, and this attack finds nothing. Others may.',
  ]
}
