/**
 * `npm run conformance -- JOIN_LINK [--token TOKEN [--url URL]] [--expired JOIN_LINK] [--quick] [--json]`: whether a coordinator, of
 * whatever make, does what PROTOCOL.md says. Exit status 0 when no statement fails, 1 when one does, 2 for arguments that are wrong.
 * @module
 */
import { parseArgs } from 'node:util'
import { asLoricaError, LoricaError, parseJoinLink } from '@lorica/protocol'
import { examine } from './examination.js'
import { openOperator } from './operator.js'
import type { Finding } from './statement.js'

const WAIT_MS = 10_000
const usage = `Usage: npm run conformance -- JOIN_LINK [options]

  --token TOKEN        of an admin of this coordinator: for statements about links that an operator makes
  --url URL            where that admin asks, when it is not the address of the link
  --expired JOIN_LINK  a link of this coordinator that has expired, where there is no token
  --quick              leave out what takes half a minute
  --json               one JSON document on stdout; for a program, npm run -s, because npm prints there too

Exit status: 0 no statement fails, 1 one does, 2 wrong arguments.`
const ARGUMENTS = 'JOIN_LINK [--token TOKEN [--url URL]] [--expired JOIN_LINK] [--quick] [--json]'

async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    process.stdout.write(`${usage}\n`)
    return 0
  }
  const { link, values } = read(process.argv.slice(2))
  const url = values.url ?? parseJoinLink(link).url
  const findings = await examine(link, {
    waitMs: WAIT_MS,
    expiredLink: values.expired,
    ...(values.token === undefined ? {} : { operator: openOperator(url, values.token, WAIT_MS) }),
    ...(values.quick ? { patienceMs: 0 } : {}),
    ...(values.json ? {} : { onFinding: print }),
  })
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length
  const failed = count('fails')
  const words = `${count('holds')} of ${findings.length} statements hold, ${failed} fail, ${count('not examined')} were not examined`
  if (values.json) process.stdout.write(`${JSON.stringify({ holds: failed === 0, findings })}\n`)
  else process.stdout.write(`${words}\n`)
  return failed === 0 ? 0 : 1
}

/** Throws LoricaError LRC-8001 for arguments that are wrong. */
function read(args: string[]) {
  const options = {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    expired: { type: 'string' },
    url: { type: 'string' },
    token: { type: 'string' },
  } as const
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const [link, ...rest] = positionals
    if (link !== undefined && rest.length === 0) return { link, values }
    throw new Error(`expected one join link, received ${positionals.length}`)
  } catch (error) {
    const action = `npm run conformance -- ${ARGUMENTS}`
    throw new LoricaError('LRC-8001', (error as Error).message, { action })
  }
}

const marks = { holds: 'holds       ', fails: 'FAILS       ', 'not examined': 'not examined' } as const

function print({ section, statement, state, expected, received }: Finding): void {
  const lines = [`${marks[state]}  ${section}  ${statement}`]
  if (state === 'fails')
    lines.push(`                 expected  ${expected}`, `                 received  ${received}`)
  if (state === 'not examined') lines.push(`                 because ${received}`)
  process.stdout.write(`${lines.join('\n')}\n`)
}

main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    const { code, message, action } = asLoricaError(error)
    process.stderr.write(`${code}: ${message}\n  ${action}\n`)
    process.exit(2)
  },
)
