import { codes, explain, LoricaError } from '@lorica/protocol'
import { Command } from 'commander'
import { needed } from './argument.js'
import { runs } from './command.js'

/** `lorica explain`: the page behind an error code, offline. */
export function explainCommand(): Command {
  const command = new Command('explain')
    .description('what an error code means and what to do')
    .argument('<code>', 'such as LRC-2003')
  return runs(command, async (_: unknown, output, [code]) => {
    const page = explain(needed(code, '<code>'))
    if (page === undefined) {
      throw new LoricaError('LRC-8005', `code "${code}" is not known`, {
        expected: `one of ${Object.keys(codes).length} codes`,
        received: String(code),
      })
    }
    output.result(page, [`${page.code}  ${page.title}`, '', page.meaning, '', `What to do: ${page.action}`])
  })
}
