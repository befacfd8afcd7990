import { readFile } from 'node:fs/promises'
import { LoricaError, parseAuditFinding, type ReleaseAudit } from '@lorica/protocol'
import { Command } from 'commander'
import { withCode } from '../learning/errors.js'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { type ApiOptions, createApi } from './api.js'
import { withApi } from './run.js'

interface AuditOptions extends ApiOptions {
  readonly finding: string
}

/** `lorica privacy audit`: tells a coordinator what an audit of one of its releases found. */
export function privacyAuditCommand(): Command {
  const command = new Command('audit')
    .argument('<release>')
    .description(
      'record what an audit of a release found; where it shows more than the ledger promises, the release is refuted for good',
    )
    .requiredOption('--finding <file>', 'what `lorica privacy attack audit --json` printed about the release')
  return runs(withApi(command), async (options: AuditOptions, output, [release]) => {
    const text = await withCode('LRC-8003', () => readFile(options.finding, 'utf8'))
    const finding = parseAuditFinding(documentIn(text, options.finding))
    const path = `/api/v1/releases/${encodeURIComponent(needed(release, '<release>'))}/audits`
    const audit = await createApi(options).post<ReleaseAudit>(path, finding)
    const { verdict, reason, epsilonLowerBound, promised } = audit
    output.result(audit, [
      reason ??
        `epsilon is at least ${epsilonLowerBound.toFixed(4)}, and ${promised === null ? 'nothing was promised' : `${promised} was promised`}`,
      verdict === 'refuted'
        ? `${audit.release} is refuted: no alias names it, and it is not exported`
        : `${audit.release} is not refuted`,
    ])
  })
}

function documentIn(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new LoricaError('LRC-8003', `"${file}" is no JSON document`, { cause })
  }
}
