/**
 * The options of `lorica aggregate` as a robust rule.
 * @module
 */
import { type AggregationRule, valueRules, wholeRules } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { type Command, Option } from 'commander'
import { positiveInteger, positiveNumber, wholeNumber } from '../screen/argument.js'

export interface RuleOptions {
  readonly robust?: AggregationRule['rule']
  readonly liars?: number
  readonly keep?: number
  readonly trim?: number
  readonly maxNorm?: number
  readonly root?: string
}

export function withRuleOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--robust <rule>',
        'what the adapters count is up to this rule, and all count alike before; it needs --start',
      ).choices([...wholeRules, ...valueRules]),
    )
    .option('--liars <n>', 'of how many adapters the rule has to assume the worst', wholeNumber)
    .option(
      '--keep <n>',
      'how many adapters multi-krum keeps (default: all but the liars and two)',
      positiveInteger,
    )
    .option('--trim <share>', 'the share that trimmed-mean leaves out at each end', positiveNumber)
    .option(
      '--max-norm <norm>',
      'the length that norm-bound and centred-clipping shorten to (default: the median)',
      positiveNumber,
    )
    .option('--root <folder>', 'which of the adapters trusted-root trusts')
}

/** The rule, or null when none is asked for. LRC-8001 for an option that it lacks, or that no rule takes. */
export function ruleOf(options: RuleOptions): AggregationRule | null {
  const { robust: rule, keep, trim, maxNorm, root } = options
  const given = (['liars', 'keep', 'trim', 'maxNorm', 'root'] as const).filter(
    (name) => options[name] !== undefined,
  )
  const wanted = rule === undefined ? [] : taken[rule]
  const other = given.find((name) => !wanted.includes(name))
  if (other !== undefined)
    throw new LoricaError('LRC-8001', `${flags[other]} is for ${takers(other)}`, {
      received: rule ?? 'no --robust',
    })
  switch (rule) {
    case undefined:
      return null
    case 'norm-bound':
      return { rule, maxNorm: maxNorm ?? 'median' }
    case 'centred-clipping':
      return { rule, radius: maxNorm ?? 'median' }
    case 'geometric-median':
      return options.liars === undefined ? { rule } : { rule, liars: options.liars }
    case 'trusted-root':
      return { rule, root: needed('root', root) }
    case 'multi-krum':
      return { rule, liars: needed('liars', options.liars), ...(keep === undefined ? {} : { kept: keep }) }
    case 'trimmed-mean':
      return { rule, liars: needed('liars', options.liars), share: needed('trim', trim) }
    default:
      return { rule, liars: needed('liars', options.liars) }
  }
}

type RuleOption = Exclude<keyof RuleOptions, 'robust'>

const flags: Readonly<Record<RuleOption, string>> = {
  liars: '--liars',
  keep: '--keep',
  trim: '--trim',
  maxNorm: '--max-norm',
  root: '--root',
}

const taken: Readonly<Record<AggregationRule['rule'], readonly RuleOption[]>> = {
  'norm-bound': ['maxNorm'],
  krum: ['liars'],
  'multi-krum': ['liars', 'keep'],
  'geometric-median': ['liars'],
  'centred-clipping': ['maxNorm'],
  'trusted-root': ['root'],
  median: ['liars'],
  'trimmed-mean': ['liars', 'trim'],
  bulyan: ['liars'],
}

function takers(option: RuleOption): string {
  const names = Object.entries(taken).filter(([, options]) => options.includes(option))
  return `--robust ${names.map(([name]) => name).join(', ')}`
}

function needed<T>(option: RuleOption, value: T | undefined): T {
  if (value === undefined) throw new LoricaError('LRC-8001', `this rule needs ${flags[option]}`)
  return value
}
