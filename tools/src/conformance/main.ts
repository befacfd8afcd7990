/**
 * `npm run conformance -- JOIN_LINK [--expired JOIN_LINK] [--json]`: whether a coordinator, of whatever make, does what PROTOCOL.md says.
 * Exit status 0 when every statement holds, 1 when one does not, 2 for arguments that are wrong.
 * @module
 */
import { parseArgs } from 'node:util'
import { asLoricaError, LoricaError } from '@lorica/protocol'
import { examine } from './examination.js'
import type { Finding } from './statement.js'

async function main(): Promise<number> {
  const { link, values } = read(process.argv.slice(2))
  const findings = await examine(link, {
    expiredLink: values.expired,
    ...(values.json ? {} : { onFinding: print }),
  })
  const failed = findings.filter(({ passed }) => !passed).length
  if (values.json) process.stdout.write(`${JSON.stringify({ holds: failed === 0, findings })}\n`)
  else process.stdout.write(`${findings.length - failed} of ${findings.length} statements hold\n`)
  return failed === 0 ? 0 : 1
}

/** Throws LoricaError LRC-8001 for arguments that are wrong. */
function read(args: string[]) {
  const options = { json: { type: 'boolean', default: false }, expired: { type: 'string' } } as const
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const [link, ...rest] = positionals
    if (link !== undefined && rest.length === 0) return { link, values }
    throw new Error(`expected one join link, received ${positionals.length}`)
  } catch (error) {
    const action = 'npm run conformance -- JOIN_LINK [--expired JOIN_LINK] [--json]'
    throw new LoricaError('LRC-8001', (error as Error).message, { action })
  }
}

function print({ section, statement, passed, expected, received }: Finding): void {
  const lines = [`${passed ? 'holds ' : 'FAILED'}  ${section}  ${statement}`]
  if (!passed) lines.push(`           expected  ${expected}`, `           received  ${received}`)
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
