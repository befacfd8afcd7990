import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type Cohort, sumOnce } from './cohort.js'
import { steps } from './member.js'

const usage = `Usage: npm run sums -- [--agents N] [--silent N] [--processes N] [--lease-ms N] [--json]

A coordinator and its agents, the code that ships in processes of their own, sum updates unseen over real sockets, while
some of the agents fall silent for good before each of the five steps. What the coordinator has at the end is held,
byte for byte, against the sum of what the others had below their masks.

  --agents N     3 to 200 or more (default 200)
  --silent N     agents that fall silent before each step (default one in 25, where as many may be lost)
  --processes N  that the agents share (default: one for each core)
  --lease-ms N   of the coordinator: how long it waits follows from it (default 8000)
  --json         one JSON document

Exit codes: 0 the sum is exact, 1 it is not, or there is none, 2 wrong arguments.
`

function parse(args: readonly string[]): (Cohort & { readonly json: boolean }) | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      agents: { type: 'string', default: '200' },
      silent: { type: 'string' },
      processes: { type: 'string', default: String(availableParallelism()) },
      'lease-ms': { type: 'string', default: '8000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const agents = whole('--agents', values.agents, 3)
  const most = Math.floor((agents - 1) / 2 / steps.length)
  const silent = whole('--silent', values.silent ?? String(Math.min(most, Math.ceil(agents / 25))), 0)
  if (silent > most)
    throw new RangeError(`--silent expected at most ${most} of ${agents} agents, got ${silent}`)
  const processes = Math.min(agents, whole('--processes', values.processes, 1))
  return {
    ...{ agents, silent, processes, json: values.json },
    leaseMs: whole('--lease-ms', values['lease-ms'], 1),
  }
}

function whole(name: string, text: string, least: number): number {
  if (/^\d{1,7}$/.test(text) && Number(text) >= least) return Number(text)
  throw new RangeError(`${name} expected a whole number from ${least}, got "${text}"`)
}

async function main(): Promise<number> {
  let wanted: ReturnType<typeof parse>
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
  const { json, ...cohort } = wanted
  const summed = await sumOnce(cohort)
  if (json) process.stdout.write(`${JSON.stringify({ ...cohort, ...summed })}\n`)
  else {
    const { state, reason, keys, shares, survivors, confirmations, elements, isExact, sumMs } = summed
    const lists = `${keys} sent keys, ${shares} shares, ${survivors} updates, ${confirmations} confirmed`
    const found = isExact ? 'exactly the plain sum' : 'NOT the plain sum'
    process.stdout.write(
      `${cohort.agents} agents, ${cohort.silent} silent before each step: ${state} (${reason}); ${lists}; ${found} of ${elements} values; ${sumMs} ms, ${Math.round(summed.agentCpuMs)} ms of one agent's processor\n`,
    )
  }
  return summed.isExact ? 0 : 1
}

process.exitCode = await main()
