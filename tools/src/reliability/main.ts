/**
 * The tests of RELIABILITY.md with more effort than `npm test` gives them: the same files, told by variables how far to go.
 * @module
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runProgram } from '../checks/program.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

const usage = `Usage: npm run reliability -- [--kills N] [--points N] [--partition SECONDS] [--seed N] [FILTER…]

  --kills N             ends of the coordinator at random moments of five rounds     (default 20)
  --points N            messages at which each side is killed; 48 are all there are   (default 48)
  --agents N            connected while the coordinator is restarted                  (default 10)
  --rollout-kills N     ends of the coordinator at random moments of rollouts         (default 20)
  --serving N           agents that serve during those rollouts                       (default 10)
  --partition SECONDS   how long an agent is cut off in the middle of a round         (default 360)
  --seed N              of the moments and of the order                               (default 20)
  FILTER                only test files whose path contains it: killed, partition, slow-link …

About half an hour on two cores. Exit status: 0 when every promise held, 1 when one did not, 2 wrong arguments.`

const files = ['killed', 'slow-link', 'partition', 'full-disk', 'twins', 'restart', 'rollout'] as const

const names = ['kills', 'points', 'agents', 'rollout-kills', 'serving', 'partition', 'seed'] as const

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      kills: { type: 'string', default: '20' },
      points: { type: 'string', default: '48' },
      agents: { type: 'string', default: '10' },
      'rollout-kills': { type: 'string', default: '20' },
      serving: { type: 'string', default: '10' },
      partition: { type: 'string', default: '360' },
      seed: { type: 'string', default: '20' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  for (const name of names) {
    if (!/^\d{1,6}$/.test(values[name]))
      throw new RangeError(`--${name} expected a whole number, got "${values[name]}"`)
    process.env[`LORICA_RELIABILITY_${name.toUpperCase().replace('-', '_')}`] = values[name]
  }
  const chosen = positionals.length > 0 ? positionals : files.map((name) => `test/${name}.test.ts`)
  return await runProgram(root, 'vitest/vitest.mjs', [
    'run',
    '--reporter=verbose',
    '--maxWorkers=1',
    '--hookTimeout=600000',
    ...chosen,
  ])
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`)
  process.exitCode = 2
}
