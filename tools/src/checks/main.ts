/**
 * Everything that a change has to pass, cheapest first; `--only NAME` runs one of them.
 * @module
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { boundaryProblems } from './boundaries.js'
import { type Problem, problemLine } from './problem.js'
import { runProgram } from './program.js'
import { API_FILE, apiProblems, type PublicApi, publicApi } from './public-api.js'
import { sizeProblems } from './sizes.js'
import { sum, type Tally, tallyLine, tallyOfReport } from './tally.js'
import { readWorkspace } from './workspace.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const PASSED: Tally = { passed: 1, failed: 0, skipped: 0 }
const FAILED: Tally = { passed: 0, failed: 1, skipped: 0 }

interface Check {
  readonly name: string
  readonly what: string
  readonly run: (filters: readonly string[]) => Promise<Tally>
}

const checks: readonly Check[] = [
  {
    name: 'sizes',
    what: 'size, name and form of each source file',
    run: async () => report(sizeProblems(readWorkspace(root).files)),
  },
  {
    name: 'boundaries',
    what: 'who may import what',
    run: async () => report(boundaryProblems(readWorkspace(root))),
  },
  {
    name: 'api',
    what: 'what the libraries export',
    run: async () => report(apiProblems(agreedApi(), publicApi(readWorkspace(root)))),
  },
  {
    name: 'format',
    what: 'format and lint (biome)',
    run: async () =>
      byStatus(
        await runProgram(root, '@biomejs/biome/bin/biome', [
          'ci',
          `--colors=${process.stdout.isTTY ? 'force' : 'off'}`,
          '.',
        ]),
      ),
  },
  {
    name: 'types',
    what: 'types of the tests (tsc)',
    run: async () => byStatus(await runProgram(root, 'typescript/bin/tsc', ['-p', 'tsconfig.test.json'])),
  },
  { name: 'tests', what: 'tests (vitest)', run: runTests },
]

function agreedApi(): PublicApi {
  const path = join(root, API_FILE)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as PublicApi) : {}
}

function report(problems: readonly Problem[]): Tally {
  for (const problem of problems) console.error(`  ${problemLine(problem)}`)
  return byStatus(problems.length)
}

const byStatus = (status: number): Tally => (status === 0 ? PASSED : FAILED)

/** Vitest prints for people; its JSON report is only counted. */
async function runTests(filters: readonly string[]): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'lorica-checks-'))
  const out = join(folder, 'report.json')
  try {
    const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${out}`, ...filters]
    const status = await runProgram(root, 'vitest/vitest.mjs', args)
    const tally = existsSync(out)
      ? tallyOfReport(JSON.parse(readFileSync(out, 'utf8')))
      : { passed: 0, failed: 0, skipped: 0 }
    return status !== 0 && tally.failed === 0 ? sum([tally, FAILED]) : tally
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { only: { type: 'string' }, 'freeze-api': { type: 'boolean', default: false } },
  })
  if (values['freeze-api']) {
    writeFileSync(join(root, API_FILE), `${JSON.stringify(publicApi(readWorkspace(root)), null, 2)}\n`)
    console.log(`Wrote ${API_FILE}`)
    return 0
  }
  const only = values.only ?? (positionals.length > 0 ? 'tests' : undefined)
  const chosen = checks.filter(({ name }) => only === undefined || name === only)
  if (chosen.length === 0)
    throw new RangeError(`--only expected one of ${checks.map(({ name }) => name).join(', ')}, got "${only}"`)

  const tallies: Tally[] = []
  for (const [index, { name, what, run }] of chosen.entries()) {
    console.log(`\n[${index + 1}/${chosen.length}] ${name}: ${what}`)
    const startedMs = performance.now()
    const tally = await run(positionals)
    tallies.push(tally)
    console.log(
      `  ${tally.failed === 0 ? 'ok' : 'FAILED'}, ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
    )
  }
  const total = sum(tallies)
  console.log(`\n${tallyLine(total)}`)
  return total.failed === 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 2
}
