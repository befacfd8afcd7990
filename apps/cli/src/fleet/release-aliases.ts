import { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { table } from '../screen/format.js'
import { type ApiOptions, createApi } from './api.js'
import { withApi } from './run.js'

interface Moved {
  readonly alias: string
  readonly release: string
  readonly before: string | null
}

/** `lorica releases alias`: names that stand for a release and can be moved to another one. */
export function aliasCommand(): Command {
  const alias = new Command('alias').description(
    'names that stand for a release: wherever a release is asked for, an alias will do',
  )
  runs(withApi(alias.command('list').description('all aliases')), async (options: ApiOptions, output) => {
    const { aliases } = await createApi(options).get<{ readonly aliases: Readonly<Record<string, string>> }>(
      '/api/v1/aliases',
    )
    const rows = Object.entries(aliases).map(([name, release]) => [name, release])
    output.result(
      { aliases },
      rows.length === 0
        ? ['no aliases yet: lorica releases alias set champion v1']
        : table([['alias', 'release'], ...rows]),
    )
  })
  runs(
    withApi(alias.command('set <alias> <release>').description('name a release, or move a name to it')),
    async (options: ApiOptions, output, [name, release]) => {
      const path = `/api/v1/aliases/${encodeURIComponent(needed(name, '<alias>'))}`
      const moved = await createApi(options).post<Moved>(path, { release: needed(release, '<release>') })
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
    withApi(alias.command('remove <alias>').description('take a name away; the release stays')),
    async (options: ApiOptions, output, [name]) => {
      const path = `/api/v1/aliases/${encodeURIComponent(needed(name, '<alias>'))}/remove`
      const removed = await createApi(options).post<Omit<Moved, 'release'>>(path, {})
      output.result(removed, [`${removed.alias} names no release any more; it was ${removed.before}`])
    },
  )
  return alias
}
