import { parseArgs } from 'node:util'
import { type FaultKind, faultKinds, parseFaults } from './faults.js'
import { type Outcome, simulate } from './simulation.js'

const usage = `Usage: npm run simulate -- [--seeds N] [--from S] [--seed S] [--faults LIST] [--trace] [--json]

A coordinator and three agents, the code that ships, conduct a run of two rounds on a network, disks and clocks that exist only in
memory, while things go wrong. The same seed gives the same history, to the byte.

  --seeds N      how many simulations (default 1000)
  --from S       the seed of the first (default 1)
  --seed S       only this one
  --faults LIST  what may go wrong: none, or some of ${faultKinds.join(', ')} (default all)
  --trace        print the history of each
  --json         one JSON document at the end

Exit codes: 0 everything held, 1 something did not, 2 wrong arguments.
`

const PROGRESS_MS = 5000

interface Wanted {
  readonly seeds: readonly number[]
  readonly faults: readonly FaultKind[]
  readonly trace: boolean
  readonly json: boolean
}

function parse(args: readonly string[]): Wanted | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      faults: { type: 'string', default: faultKinds.join() },
      trace: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const first = whole('--seed', values.seed ?? values.from)
  const count = values.seed === undefined ? whole('--seeds', values.seeds) : 1
  const seeds = Array.from({ length: count }, (_, index) => first + index)
  return { seeds, faults: parseFaults(values.faults), trace: values.trace, json: values.json }
}

function whole(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new RangeError(`${name} expected a whole number, got "${text}"`)
}

async function main(): Promise<number> {
  let wanted: Wanted | 'help'
  try {
    wanted = parse(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`)
    return 2
  }
  if (wanted === 'help') {
    process.stdout.write(usage)
    return 0
  }
  const { seeds, faults, trace, json } = wanted
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const startedMs = performance.now()
  const bad: Outcome[] = []
  const states: Record<Outcome['state'], number> = { succeeded: 0, failed: 0, 'not ended': 0 }
  let happenings = 0
  let saidMs = startedMs
  for (const [index, seed] of seeds.entries()) {
    const outcome = await simulate({ seed, faults })
    states[outcome.state]++
    happenings += outcome.happenings
    if (trace) say(outcome.history.join('\n'))
    if (outcome.problems.length > 0) {
      bad.push(outcome)
      say(explained(outcome, faults))
    }
    if (performance.now() - saidMs < PROGRESS_MS) continue
    saidMs = performance.now()
    say(`${index + 1} of ${seeds.length} simulations, ${bad.length} with problems`)
  }
  const seconds = (performance.now() - startedMs) / 1000
  const summary = {
    ...{ simulations: seeds.length, faults, states, happenings, seconds },
    problems: bad.map(({ seed, problems }) => ({ seed, problems })),
  }
  const ended = `${states.succeeded} runs succeeded, ${states.failed} failed`
  const held = bad.length === 0 ? 'everything held' : `${bad.length} with problems`
  if (json) process.stdout.write(`${JSON.stringify(summary)}\n`)
  else
    say(`${seeds.length} simulations, ${happenings} happenings, ${seconds.toFixed(1)} s: ${ended}; ${held}`)
  return bad.length === 0 ? 0 : 1
}

/** What did not hold, and how to see it again. */
function explained({ seed, problems }: Outcome, faults: readonly FaultKind[]): string {
  const list = faults.length === faultKinds.length ? '' : ` --faults ${faults.join() || 'none'}`
  const again = `npm run simulate -- --seed ${seed}${list} --trace`
  return [`seed ${seed}:`, ...problems.map((problem) => `  ${problem}`), `  see it: ${again}`].join('\n')
}

process.exitCode = await main()
