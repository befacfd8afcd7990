import { parseArgs } from 'node:util'
import { faultKinds, parseFaults } from './faults.js'
import { expectRun } from './operator.js'
import { type Outcome, type Setting, simulate } from './simulation.js'
import { parseWay, type Way, ways } from './ways.js'

const usage = `Usage: npm run simulate -- [--seeds N] [--from S] [--seed S] [--faults LIST] [--mode sync|buffered]
                            [--way W] [--agents N] [--rounds N] [--slow FACTOR] [--trace] [--json]

A coordinator and its agents, the code that ships, conduct a run on a network, disks and clocks that exist only in
memory, while things go wrong. The same seed gives the same history, to the byte.

  --seeds N      how many simulations (default 1000)
  --from S       the seed of the first (default 1)
  --seed S       only this one
  --faults LIST  what may go wrong: none, or some of ${faultKinds.join(', ')} (default all)
  --mode M       sync, or buffered: rounds take late updates (default sync)
  --way W        how updates are aggregated: ${Object.keys(ways).join(', ')}
                 (default mean)
  --agents N     of the fleet, all of which a round waits for (default 3, or 5 of --way private, and rounds of fewer)
  --rounds N     of each run (default 2, buffered 4)
  --slow FACTOR  the last agent takes so many times as long as the others (default 1)
  --trace        print the history of each
  --json         one JSON document at the end

Exit codes: 0 everything held, 1 something did not, 2 wrong arguments.
`

const PROGRESS_MS = 5000

interface Wanted {
  readonly seeds: readonly number[]
  readonly setting: Omit<Setting, 'seed'> & { readonly slowness: number; readonly way: Way }
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
      mode: { type: 'string', default: 'sync' },
      way: { type: 'string', default: 'mean' },
      agents: { type: 'string' },
      rounds: { type: 'string' },
      slow: { type: 'string', default: '1' },
      trace: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const first = whole('--seed', values.seed ?? values.from)
  const count = values.seed === undefined ? whole('--seeds', values.seeds) : 1
  const seeds = Array.from({ length: count }, (_, index) => first + index)
  const { mode, rounds, agents } = values
  if (mode !== 'sync' && mode !== 'buffered')
    throw new RangeError(`--mode expected sync or buffered, got "${mode}"`)
  const way = parseWay(values.way)
  const fleet = agents === undefined ? {} : { agents: whole('--agents', agents) }
  expectRun({ mode, way, rounds: 1, maxStaleness: 1, ...fleet })
  const setting: Wanted['setting'] = {
    faults: parseFaults(values.faults),
    mode,
    way,
    slowness: whole('--slow', values.slow),
    ...fleet,
    ...(rounds === undefined ? {} : { rounds: whole('--rounds', rounds) }),
  }
  return { seeds, setting, trace: values.trace, json: values.json }
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
  const { seeds, setting, trace, json } = wanted
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const startedMs = performance.now()
  const bad: Outcome[] = []
  const states: Record<Outcome['state'], number> = { succeeded: 0, failed: 0, 'not ended': 0 }
  let happenings = 0
  let [rounds, late, tooOld, virtualSeconds, sums] = [0, 0, 0, 0, 0]
  let saidMs = startedMs
  for (const [index, seed] of seeds.entries()) {
    const outcome = await simulate({ seed, ...setting })
    states[outcome.state]++
    happenings += outcome.happenings
    rounds += outcome.rounds.length
    late += outcome.rounds.reduce((sum, round) => sum + round.late, 0)
    tooOld += outcome.tooOld
    sums += outcome.sums
    virtualSeconds += outcome.virtualSeconds
    if (trace) say(outcome.history.join('\n'))
    if (outcome.problems.length > 0) {
      bad.push(outcome)
      say(explained(outcome, setting))
    }
    if (performance.now() - saidMs < PROGRESS_MS) continue
    saidMs = performance.now()
    say(`${index + 1} of ${seeds.length} simulations, ${bad.length} with problems`)
  }
  const seconds = (performance.now() - startedMs) / 1000
  const summary = {
    ...{ simulations: seeds.length, ...setting, states, happenings, seconds },
    ...{ released: rounds, late, tooOld, virtualSeconds, sums },
    problems: bad.map(({ seed, problems }) => ({ seed, problems })),
  }
  const ended = `${states.succeeded} runs succeeded, ${states.failed} failed`
  const pace = `${rounds} rounds released, ${((rounds * 3600) / virtualSeconds).toFixed(1)} an hour of theirs, with ${late} late updates, and ${tooOld} too old`
  const unseen = sums === 0 ? '' : `; ${sums} secure sums held against the plain ones`
  const held = bad.length === 0 ? 'everything held' : `${bad.length} with problems`
  if (json) process.stdout.write(`${JSON.stringify(summary)}\n`)
  else
    say(
      `${seeds.length} simulations, ${happenings} happenings, ${seconds.toFixed(1)} s: ${ended}; ${pace}${unseen}; ${held}`,
    )
  return bad.length === 0 ? 0 : 1
}

/** What did not hold, and how to see it again. */
function explained({ seed, problems }: Outcome, setting: Wanted['setting']): string {
  const { faults, mode, way, agents, rounds, slowness } = setting
  const list = faults.length === faultKinds.length ? '' : ` --faults ${faults.join() || 'none'}`
  const more = [
    ...(mode === 'buffered' ? [' --mode buffered'] : []),
    ...(way === 'mean' ? [] : [` --way ${way}`]),
    ...(agents === undefined ? [] : [` --agents ${agents}`]),
    ...(rounds === undefined ? [] : [` --rounds ${rounds}`]),
    ...(slowness === 1 ? [] : [` --slow ${slowness}`]),
  ]
  const again = `npm run simulate -- --seed ${seed}${list}${more.join('')} --trace`
  return [`seed ${seed}:`, ...problems.map((problem) => `  ${problem}`), `  see it: ${again}`].join('\n')
}

process.exitCode = await main()
