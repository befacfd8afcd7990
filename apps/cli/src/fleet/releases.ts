import type { ReleaseView } from '@lorica/protocol'
import { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { bytes, table } from '../screen/format.js'
import { type ApiOptions, createApi } from './api.js'
import { addExportCommand } from './export-command.js'
import { ROOT_OPTION, type TrustOptions, trustGiven } from './fleet-trust.js'
import { addPushCommand } from './push-command.js'
import { type Aliases, aliasCommand } from './release-aliases.js'
import { addCardCommand } from './release-card.js'
import { differenceLines, releaseDifference } from './release-diff.js'
import { releaseFiles, releaseOf, verified } from './release-files.js'
import { releaseLines } from './release-lines.js'
import { withApi } from './run.js'

/** `lorica releases`: the numbered, signed adapters that runs have made. */
export function releasesCommand(): Command {
  const releases = new Command('releases').description(
    'list, show and export the adapters that runs released',
  )
  runs(
    withApi(releases.command('list').description('all releases, oldest first')),
    async (options: ApiOptions, output) => {
      const { releases: views, aliases } = await createApi(options).all<{
        readonly releases: readonly ReleaseView[]
        readonly aliases: Readonly<Record<string, string>>
      }>('/api/v1/releases', 'releases')
      const aliasesOf = (release: string): string =>
        Object.keys(aliases)
          .filter((alias) => aliases[alias] === release)
          .join(', ')
      const rows = views.map(({ name, id, manifest }) => [
        name,
        aliasesOf(name),
        manifest.runName,
        manifest.round === 0 ? 'base' : String(manifest.round),
        manifest.evaluation.loss?.toFixed(4) ?? '-',
        manifest.createdAt,
        id.slice(0, 12),
      ])
      output.result(
        { releases: views, aliases },
        views.length === 0
          ? ['no releases yet: a run makes one a round']
          : table([['release', 'aliases', 'run', 'round', 'loss', 'created', 'id'], ...rows]),
      )
    },
  )
  runs(
    withApi(
      releases
        .command('show <release>')
        .description(
          'one release: what it is of, what was measured, its files; with --json its whole manifest',
        ),
    ),
    async (options: ApiOptions, output, [name]) => {
      const api = createApi(options)
      const view = await releaseOf(api, needed(name, '<release>'))
      const { aliases } = await api.get<Aliases>('/api/v1/aliases')
      const known = Object.keys(aliases).filter((alias) => aliases[alias] === view.name)
      output.result(view, releaseLines(view, known))
    },
  )
  addExportCommand(releases)
  addPushCommand(releases)
  runs(
    withApi(
      releases
        .command('diff <from> <to>')
        .description('what changed between two releases, and how much of it in the model'),
    ),
    async (options: ApiOptions, output, [from, to]) => {
      const names = [needed(from, '<from>'), needed(to, '<to>')] as const
      const found = await releaseDifference(createApi(options), names)
      output.result(found, differenceLines(found))
    },
  )
  runs(
    withApi(
      releases
        .command('verify <release>')
        .description('check the signatures of a release and the hash of each of its files')
        .option(...ROOT_OPTION),
    ),
    async (options: TrustOptions, output, [name]) => {
      const api = createApi(options)
      const view = await releaseOf(api, needed(name, '<release>'))
      const trust = await trustGiven(api, options)
      const manifest = verified(view, trust)
      let sizeBytes = 0
      for await (const { content } of releaseFiles(api, manifest)) sizeBytes += content.byteLength
      const { coordinatorPublicKey, files } = manifest
      const [key, root] = [view.signed.proof?.key ?? coordinatorPublicKey, trust.root?.version ?? null]
      output.result(
        { release: view.name, id: view.id, files: files.length, sizeBytes, coordinatorPublicKey, key, root },
        [
          `${view.name} is whole: ${files.length} files, ${bytes(sizeBytes)}, signed by ${key}, which root ${root} names`,
        ],
      )
    },
  )
  addCardCommand(releases)
  releases.addCommand(aliasCommand())
  return releases
}
