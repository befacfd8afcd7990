/**
 * The options that say what an adapter trains.
 * @module
 */
import { type NonLinearity, nonLinearities, openTokenizer, type PeftSpec } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { type Command, Option } from 'commander'
import { byName, fraction, positiveInteger, positiveNumber, wholeNumber } from '../screen/argument.js'
import { withCode } from './errors.js'

/** What the method's options were given as; those that were left out are undefined. */
export interface MethodOptions {
  readonly method: PeftSpec['method']
  readonly rank?: number
  readonly alpha?: number
  readonly targets?: string
  readonly rslora?: boolean
  readonly dropout?: number
  readonly start?: 'pissa' | 'olora'
  readonly loraBias?: boolean
  readonly modulesToSave?: string
  readonly targetParameters?: string
  readonly exclude?: string
  readonly layers?: readonly number[]
  readonly rankPattern?: Readonly<Record<string, number>>
  readonly alphaPattern?: Readonly<Record<string, number>>
  readonly feedforward?: string
  readonly virtualTokens?: number
  readonly promptStart?: 'random' | 'vocabulary'
  readonly promptText?: string
  readonly bottleneckSize?: number
  readonly nonLinearity?: NonLinearity
}

type Detail = Exclude<keyof MethodOptions, 'method'>

/** Which of the targets, and how each. */
const chosen = ['exclude', 'layers', 'rankPattern', 'alphaPattern'] as const

/** The options that each method has. */
const details: Readonly<Record<PeftSpec['method'], readonly Detail[]>> = {
  lora: [
    'rank',
    'alpha',
    'targets',
    'rslora',
    'dropout',
    'start',
    'loraBias',
    'modulesToSave',
    'targetParameters',
    ...chosen,
  ],
  dora: ['rank', 'alpha', 'targets', 'rslora', 'modulesToSave', ...chosen],
  ia3: ['targets', 'feedforward', 'modulesToSave'],
  prompt: ['virtualTokens', 'promptStart', 'promptText', 'modulesToSave'],
  bottleneck: ['targets', 'bottleneckSize', 'nonLinearity'],
}

const flags: Readonly<Record<Detail, string>> = {
  rank: '--rank',
  alpha: '--alpha',
  targets: '--targets',
  rslora: '--rslora',
  dropout: '--dropout',
  start: '--start',
  loraBias: '--lora-bias',
  modulesToSave: '--modules-to-save',
  targetParameters: '--target-parameters',
  exclude: '--exclude',
  layers: '--layers',
  rankPattern: '--rank-pattern',
  alphaPattern: '--alpha-pattern',
  feedforward: '--feedforward',
  virtualTokens: '--virtual-tokens',
  promptStart: '--prompt-start',
  promptText: '--prompt-text',
  bottleneckSize: '--bottleneck-size',
  nonLinearity: '--non-linearity',
}

/** Adds the options to a command. */
export function withMethod(command: Command): Command {
  return command
    .addOption(
      new Option('--method <method>', 'what is trained').choices(Object.keys(details)).default('lora'),
    )
    .option('--rank <r>', 'lora, dora: rank of the factors (default: 8)', positiveInteger)
    .option('--alpha <alpha>', 'lora, dora: scaling is alpha / rank (default: 16)', positiveNumber)
    .option('--rslora', 'lora, dora: scale by alpha / sqrt(rank)')
    .option(
      '--dropout <share>',
      'lora: share of the inputs that a training step drops, such as 10%',
      fraction,
    )
    .addOption(
      new Option('--start <start>', 'lora: take the first factors from the weights').choices([
        'pissa',
        'olora',
      ]),
    )
    .option('--lora-bias', 'lora: B has a bias')
    .option(
      '--modules-to-save <modules>',
      'lora, dora, ia3, prompt: modules that are trained whole, such as classifier',
    )
    .option('--target-parameters <names>', 'lora: stacked weights of experts, such as mlp.experts.down_proj')
    .option(
      '--targets <modules>',
      'all-linear (not the output layer, embeddings or stacked experts), or module names separated by commas (default: all-linear; ia3, bottleneck: by family)',
    )
    .option('--exclude <modules>', 'lora, dora: targets that are left as they are')
    .option('--layers <n,…>', 'lora, dora: only these layers, counted from 0', layerNumbers)
    .option(
      '--rank-pattern <name=r>',
      'lora, dora: another rank for modules of this name; may be repeated',
      byName(positiveInteger),
    )
    .option(
      '--alpha-pattern <name=alpha>',
      'lora, dora: another alpha for modules of this name; may be repeated',
      byName(positiveNumber),
    )
    .option('--feedforward <modules>', 'ia3: the targets whose input is scaled (default: as PEFT)')
    .option(
      '--virtual-tokens <n>',
      'prompt: trained embeddings before each text (default: 16)',
      positiveInteger,
    )
    .addOption(
      new Option(
        '--prompt-start <start>',
        'prompt: random numbers, or embeddings of random tokens (default: random)',
      ).choices(['random', 'vocabulary']),
    )
    .option('--prompt-text <text>', 'prompt: start from the embeddings of this text')
    .option(
      '--bottleneck-size <n>',
      'bottleneck: what each network narrows to (default: 16)',
      positiveInteger,
    )
    .addOption(
      new Option('--non-linearity <f>', 'bottleneck: between its two matrices (default: gelu)').choices(
        nonLinearities,
      ),
    )
}

/**
 * What the options ask for; a text to start from is cut into tokens by the tokenizer that lies with the model. LoricaError
 * LRC-8001 for an option that the method does not have.
 */
export async function peftSpecOf(options: MethodOptions, model: string): Promise<PeftSpec> {
  const { method, targets, feedforward } = options
  const foreign = (Object.keys(flags) as Detail[]).find(
    (name) => options[name] !== undefined && !details[method].includes(name),
  )
  if (foreign !== undefined) {
    const expected = details[method].map((name) => flags[name]).join(', ')
    throw new LoricaError('LRC-8001', `${flags[foreign]} is no option of the method ${method}`, {
      expected,
      received: flags[foreign],
    })
  }
  switch (method) {
    case 'lora':
    case 'dora': {
      const { rank = 8, alpha = 16, rslora = false } = options
      return { method, rank, alpha, rslora, targets: namesOf(targets ?? 'all-linear'), ...moreOf(options) }
    }
    case 'ia3':
      return {
        method,
        ...(targets === undefined ? {} : { targets: namesOf(targets) }),
        ...(feedforward === undefined ? {} : { feedforward: listOf(feedforward) }),
        ...savedOf(options),
      }
    case 'bottleneck': {
      const { bottleneckSize: size = 16, nonLinearity = 'gelu' } = options
      return { method, size, nonLinearity, ...(targets === undefined ? {} : { targets: namesOf(targets) }) }
    }
    case 'prompt': {
      const { virtualTokens = 16, promptStart = 'random', promptText } = options
      const start = promptText === undefined ? promptStart : await tokensOf(promptText, model)
      return { method, virtualTokens, start, ...savedOf(options) }
    }
  }
}

/** What LoRA has beside its factors; nothing of what was not asked for. */
function moreOf(options: MethodOptions) {
  const { dropout, start, loraBias, targetParameters } = options
  const { exclude, layers, rankPattern, alphaPattern } = options
  return {
    ...(dropout === undefined ? {} : { dropout }),
    ...(start === undefined ? {} : { start }),
    ...(loraBias === undefined ? {} : { loraBias }),
    ...savedOf(options),
    ...(targetParameters === undefined ? {} : { targetParameters: listOf(targetParameters) }),
    ...(exclude === undefined ? {} : { excludeModules: listOf(exclude) }),
    ...(layers === undefined ? {} : { layersToTransform: layers }),
    ...(rankPattern === undefined ? {} : { rankPattern }),
    ...(alphaPattern === undefined ? {} : { alphaPattern }),
  }
}

const savedOf = ({ modulesToSave }: MethodOptions) =>
  modulesToSave === undefined ? {} : { modulesToSave: listOf(modulesToSave) }

async function tokensOf(text: string, model: string): Promise<readonly number[]> {
  const tokenizer = await withCode('LRC-7005', () => openTokenizer(model))
  return tokenizer.encode(text)
}

const layerNumbers = (text: string): readonly number[] => listOf(text).map(wholeNumber)
const listOf = (text: string): readonly string[] => text.split(',').map((name) => name.trim())
const namesOf = (text: string): 'all-linear' | readonly string[] =>
  text === 'all-linear' ? text : listOf(text)
