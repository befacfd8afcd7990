import { parseArgs } from 'node:util'

/** Every setting of the demo. */
export interface Recipe {
  readonly agents: number
  readonly rounds: number
  readonly steps: number // of each agent in each round
  readonly batch: number // windows in one batch of one agent
  readonly maxTokens: number // tokens in one window
  readonly learningRate: number // the highest of the cosine schedule
  readonly rank: number
  readonly alpha: number
  readonly holdout: number // share of each site's paragraphs that nobody trains on
  readonly seed: number
  readonly keep: string | undefined // a folder to leave everything in; otherwise only the adapter stays
  readonly json: boolean
}

export const usage = `npm run demo -- [--agents N] [--rounds N] [--seed N] [--keep DIR] [--json]

A coordinator and N agents, each a process of its own, fine-tune a small language model on private texts.

  --agents N   sites that take part (3)
  --rounds N   rounds of the federation (10)
  --seed N     another division of the texts and another start (1)
  --keep DIR   leave the coordinator, the agents, the texts and the run file in DIR
  --json       one JSON document on stdout; for a program, npm run -s demo -- --json, because npm prints there too`

/** Reads the command line. RangeError says which value was expected. */
export function parseRecipe(args: readonly string[]): Recipe | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      agents: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      keep: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  return {
    agents: whole('--agents', values.agents, 1, 16),
    rounds: whole('--rounds', values.rounds, 1, 1000),
    steps: 15,
    batch: 8,
    maxTokens: 128,
    learningRate: 1e-2,
    rank: 8,
    alpha: 16,
    holdout: 0.1,
    seed: whole('--seed', values.seed, 0, 2 ** 31 - 1),
    keep: values.keep,
    json: values.json,
  }
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && text.trim() !== '' && value >= least && value <= most) return value
  throw new RangeError(`${option} expected a whole number from ${least} to ${most}, got "${text}"`)
}
