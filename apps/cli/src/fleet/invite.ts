import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { expectNewFile } from '../screen/place.js'
import { type CreateOptions, createApi } from './api.js'

interface InviteOptions extends CreateOptions {
  readonly name?: string
  readonly uses?: number
  readonly expires?: string
  readonly approval?: boolean
  readonly batch?: number
  readonly prefix?: string
  readonly out?: string
}

interface Invited {
  readonly join: string
  readonly links: readonly { readonly name: string | null; readonly join: string }[]
}

/** `lorica agents invite`: join links. */
export function inviteCommand(command: Command): void {
  command
    .description('a join link for one agent, or a batch of them')
    .option('--name <name>', 'only an agent of this name may use it')
    .option('--uses <n>', 'agents that may join with the link (default: 1)', positiveInteger)
    .option('--expires <duration>', 'how long it is valid, such as 2h or 7d (default: 7d)')
    .option('--approval', 'an operator has to approve each agent that joins with it')
    .option('--batch <n>', 'this many links', positiveInteger)
    .option('--prefix <name>', 'with --batch: names of the agents, as prefix-1, prefix-2, …')
    .option('--out <tokens.csv>', 'write the links as name,link instead of printing them (must not exist)')
  runs(command, async (options: InviteOptions, output) => {
    const { name, uses, expires, prefix, batch, approval, out } = options
    if (out !== undefined) expectNewFile(out) // links that cannot be kept are not made
    const request = { name, uses, expires, prefix, count: batch, needsApproval: approval }
    const invited = await createApi(options).create<Invited>('/api/v1/agents/invite', request, options.key)
    if (out === undefined) return output.result(invited, invited.links.map(joinLine))
    const rows = invited.links.map((link) => `${link.name ?? ''},${link.join}`)
    await writeFile(out, `${['name,link', ...rows].join('\n')}\n`, { flag: 'wx', mode: 0o600 })
    output.result({ links: invited.links.length, out }, [`${invited.links.length} links: ${out}`])
  })
}

function joinLine({ name, join }: Invited['links'][number]): string {
  return `lorica agent join '${join}'${name === null ? '' : ` --name '${name}'`} --data FILE`
}
