import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import type { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { createApi } from './api.js'
import { expectUnrefuted } from './export-command.js'
import { ROOT_OPTION, type TrustOptions, trustGiven } from './fleet-trust.js'
import { hubOf, pushFolder } from './hub.js'
import { promiseOf } from './promise.js'
import { exportRelease } from './release-export.js'
import { releaseOf } from './release-files.js'
import { withApi } from './run.js'

interface PushOptions extends TrustOptions {
  readonly to: string
  readonly public?: boolean
  readonly branch: string
  readonly hubTokenFile?: string
}

const HUB = `
What is pushed is what releases export writes: the adapter as a PEFT folder, its model card as README.md, and its signed manifest.
The token of the Hub is that of HF_TOKEN, or of the file that \`hf auth login\` wrote. HF_ENDPOINT names another Hub than huggingface.co.`

/** `lorica releases push`: a release as a repository of a Hugging Face Hub. */
export function addPushCommand(releases: Command): void {
  const command = withApi(releases.command('push <release>'))
    .description('commit a verified release to a model repository of a Hugging Face Hub, with its model card')
    .requiredOption('--to <owner/name>', 'the repository; it is made, private, where there is none')
    .option('--public', 'make it public instead')
    .option('--branch <branch>', 'the branch to commit to', 'main')
    .option('--hub-token-file <file>', 'has the token of the Hub')
    .option(...ROOT_OPTION)
    .addHelpText('after', HUB)
  runs(command, async (options: PushOptions, output, [name]) => {
    const { to: repo, branch, hubTokenFile } = options
    expectRepository(repo)
    const hub = await hubOf(process.env, hubTokenFile)
    const api = createApi(options)
    const view = await releaseOf(api, needed(name, '<release>'))
    expectUnrefuted(view)
    const trust = await trustGiven(api, options)
    const place = await mkdtemp(join(tmpdir(), 'lorica-push-'))
    try {
      const folder = join(place, 'release')
      const { files } = await exportRelease(api, view, { form: 'peft', rows: 1, tokens: 1, folder, trust })
      const { runName } = view.manifest
      const pushed = await pushFolder(hub, {
        ...{ repo, branch, folder, files, isPublic: options.public === true },
        ...{ title: `${runName} ${view.name}`, description: `Lorica release ${view.id}` },
      })
      output.result({ release: view.name, id: view.id, repository: repo, branch, files, ...pushed }, [
        `${view.name} verified and pushed to ${hub.url}/${repo}${pushed.isNew ? ', which is new' : ''}: ${pushed.commit}`,
        ...promiseOf(view.manifest),
      ])
    } finally {
      await rm(place, { recursive: true, force: true })
    }
  })
}

function expectRepository(repo: string): void {
  if (/^[\w.-]{1,96}\/[\w.-]{1,96}$/.test(repo)) return
  throw new LoricaError('LRC-8001', 'that is not the name of a repository', {
    expected: 'owner/name of letters, digits, - _ and .',
    received: repo.slice(0, 200),
  })
}
