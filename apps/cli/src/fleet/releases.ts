import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { LoricaError, type ReleaseView, type RunView } from '@lorica/protocol'
import { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { bytes, table } from '../screen/format.js'
import { type Api, type ApiOptions, createApi } from './api.js'
import { promiseOf } from './promise.js'
import { aliasCommand } from './release-aliases.js'
import { differenceLines, releaseDifference } from './release-diff.js'
import { releaseFiles, releaseOf, verified } from './release-files.js'
import { withApi } from './run.js'

interface ExportOptions extends ApiOptions {
  readonly out: string
}

/** `lorica releases`: the numbered, signed adapters that runs have made. */
export function releasesCommand(): Command {
  const releases = new Command('releases').description(
    'list, show and export the adapters that runs released',
  )
  runs(
    withApi(releases.command('list').description('all releases, oldest first')),
    async (options: ApiOptions, output) => {
      const { releases: views, aliases } = await createApi(options).get<{
        readonly releases: readonly ReleaseView[]
        readonly aliases: Readonly<Record<string, string>>
      }>('/api/v1/releases')
      const aliasesOf = (release: string): string =>
        Object.keys(aliases)
          .filter((alias) => aliases[alias] === release)
          .join(', ')
      const rows = views.map(({ name, id, manifest }) => [
        name,
        aliasesOf(name),
        manifest.runName,
        String(manifest.round),
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
    withApi(releases.command('show <release>').description('the signed manifest of one release')),
    async (options: ApiOptions, output, [name]) => {
      const view = await releaseOf(createApi(options), needed(name, '<release>'))
      output.result(view, [
        ...JSON.stringify(view.manifest, null, 2).split('\n'),
        ...promiseOf(view.manifest),
      ])
    },
  )
  runs(
    withApi(
      releases.command('export <release>').description('write a release as a Hugging Face PEFT folder'),
    ).requiredOption('--out <folder>', 'the folder to make'),
    async (options: ExportOptions, output, [name]) => {
      const api = createApi(options)
      const view = await releaseOf(api, needed(name, '<release>'))
      expectUnrefuted(view)
      const folder = resolve(options.out)
      const files = await exportRelease(api, view, folder)
      const notes = await notesOn(api, view)
      output.result({ release: view.name, id: view.id, adapter: folder, files, notes }, [
        `${view.name} verified and written to ${folder}`,
        ...notes,
        ...promiseOf(view.manifest),
      ])
    },
  )
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
        .description('check the signature of a release and the hash of each of its files'),
    ),
    async (options: ApiOptions, output, [name]) => {
      const api = createApi(options)
      const view = await releaseOf(api, needed(name, '<release>'))
      const manifest = verified(view)
      let sizeBytes = 0
      for await (const { content } of releaseFiles(api, manifest)) sizeBytes += content.byteLength
      const { coordinatorPublicKey, files } = manifest
      output.result(
        { release: view.name, id: view.id, files: files.length, sizeBytes, coordinatorPublicKey },
        [
          `${view.name} is whole: ${files.length} files, ${bytes(sizeBytes)}, signed by ${coordinatorPublicKey}`,
        ],
      )
    },
  )
  releases.addCommand(aliasCommand())
  return releases
}

/** Throws LoricaError LRC-3017 for a release that an audit refuted. */
function expectUnrefuted({ name, audits = [] }: ReleaseView): void {
  const refuted = audits.find(({ verdict }) => verdict === 'refuted')
  if (refuted !== undefined) throw new LoricaError('LRC-3017', `release ${name}: ${refuted.reason}`)
}

/** What to know of a release beside its files; nothing where its run is not known any more. */
async function notesOn(api: Api, { manifest }: ReleaseView): Promise<readonly string[]> {
  const run = await api
    .get<RunView>(`/api/v1/runs/${encodeURIComponent(manifest.runId)}`)
    .catch(() => undefined)
  const { strategy, personal } = run?.spec.aggregate ?? {}
  if (strategy !== 'fedsa' && personal === undefined) return []
  return [
    'its agents keep parts of their own, and measured it with them: this has the parts that the run started with',
  ]
}

/** Verifies a release, downloads its files by hash, and puts the folder in place only when all of it is there. */
async function exportRelease(api: Api, view: ReleaseView, folder: string): Promise<readonly string[]> {
  const manifest = verified(view)
  const taken = await access(folder).then(
    () => true,
    () => false,
  )
  if (taken) {
    throw new LoricaError('LRC-8003', `"${folder}" is already there`, {
      expected: 'a folder that does not exist yet',
      action: 'Give another --out.',
    })
  }
  await mkdir(dirname(folder), { recursive: true })
  const draft = await mkdtemp(`${folder}.part-`)
  try {
    for await (const { path, content } of releaseFiles(api, manifest))
      await writeFile(join(draft, path), content)
    await writeFile(join(draft, 'release.json'), `${JSON.stringify(view.signed)}\n`)
    await rename(draft, folder)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
  return [...manifest.files.map((file) => file.path), 'release.json']
}
