import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { expectNewFile } from '../screen/place.js'
import { type ApiOptions, createApi } from './api.js'
import { cardOf } from './card.js'
import { fleetTrust } from './fleet-trust.js'
import { releaseOf, verified } from './release-files.js'
import { withApi } from './run.js'

/** `lorica releases card`: what a release is, for whoever gets it. */
export function addCardCommand(releases: Command): void {
  const card = withApi(releases.command('card <release>'))
    .description('a model card of a release, for Hugging Face, from its signed manifest alone')
    .option('--out <file>', 'write it there, such as README.md')
  runs(card, async ({ out, ...options }: ApiOptions & { readonly out?: string }, output, [name]) => {
    if (out !== undefined) expectNewFile(out)
    const api = createApi(options)
    const view = await releaseOf(api, needed(name, '<release>'))
    const { data, text } = cardOf(verified(view, await fleetTrust(api)), view.id)
    if (out !== undefined) await writeFile(out, text)
    output.result(
      { release: view.name, data, text, ...(out === undefined ? {} : { file: resolve(out) }) },
      out === undefined ? text.trimEnd().split('\n') : [`the card of ${view.name} is in ${resolve(out)}`],
    )
  })
}
