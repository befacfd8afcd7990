import { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { table } from '../screen/format.js'
import { type Api, type ApiOptions, createApi } from './api.js'
import { withApi } from './run.js'

interface Moved {
  readonly alias: string
  readonly release: string
  readonly before: string | null
}

interface FromOptions extends ApiOptions {
  readonly from?: string
}

const withFrom = (command: Command): Command =>
  command.option('--from <release>', 'only while it names this release, such as v3 (none: nothing)')

/** Moves an alias from what it names, or from what is read first, so that nobody's move in between is lost. */
export async function moveAlias(
  api: Api,
  alias: string,
  { release, from }: { readonly release: string; readonly from?: string | undefined },
): Promise<Moved> {
  const path = `/api/v1/aliases/${encodeURIComponent(alias)}`
  return await api.post<Moved>(path, { release }, await asItIs(api, alias, from))
}

export type Aliases = { readonly aliases: Readonly<Record<string, string>> }

/** Headers under which a request counts only while an alias is as it is now, or as `from` says. */
async function asItIs(
  api: Api,
  alias: string,
  from: string | undefined,
): Promise<Readonly<Record<string, string>>> {
  const known = from ?? (await api.get<Aliases>('/api/v1/aliases')).aliases[alias] ?? 'none'
  return known === 'none' ? { 'if-none-match': '*' } : { 'if-match': `"${known}"` }
}

/** `lorica releases alias`: names that stand for a release and can be moved to another one. */
export function aliasCommand(): Command {
  const alias = new Command('alias').description(
    'names that stand for a release: wherever a release is asked for, an alias will do',
  )
  runs(withApi(alias.command('list').description('all aliases')), async (options: ApiOptions, output) => {
    const { aliases } = await createApi(options).get<Aliases>('/api/v1/aliases')
    const rows = Object.entries(aliases).map(([name, release]) => [name, release])
    output.result(
      { aliases },
      rows.length === 0
        ? ['no aliases yet: lorica releases alias set champion v1']
        : table([['alias', 'release'], ...rows]),
    )
  })
  runs(
    withFrom(
      withApi(alias.command('set <alias> <release>').description('name a release, or move a name to it')),
    ),
    async ({ from, ...options }: FromOptions, output, [name, release]) => {
      const moved = await moveAlias(createApi(options), needed(name, '<alias>'), {
        ...{ release: needed(release, '<release>'), from },
      })
      const before =
        moved.before === null
          ? ''
          : moved.before === moved.release
            ? ', as before'
            : `, before ${moved.before}`
      output.result(moved, [`${moved.alias} is ${moved.release}${before}`])
    },
  )
  runs(
    withFrom(withApi(alias.command('remove <alias>').description('take a name away; the release stays'))),
    async ({ from, ...options }: FromOptions, output, [name]) => {
      const named = needed(name, '<alias>')
      const api = createApi(options)
      const path = `/api/v1/aliases/${encodeURIComponent(named)}/remove`
      const removed = await api.post<Omit<Moved, 'release'>>(path, {}, await asItIs(api, named, from))
      output.result(removed, [`${removed.alias} names no release any more; it was ${removed.before}`])
    },
  )
  return alias
}
