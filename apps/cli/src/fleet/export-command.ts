import { join, resolve } from 'node:path'
import { LoricaError, type ReleaseView, type RunView } from '@lorica/protocol'
import { type Command, Option } from 'commander'
import { needed, positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { expectNewFolder } from '../screen/place.js'
import { type Api, createApi } from './api.js'
import { ROOT_OPTION, type TrustOptions, trustGiven } from './fleet-trust.js'
import { promiseOf } from './promise.js'
import { type ExportForm, exportForms, exportRelease } from './release-export.js'
import { releaseOf } from './release-files.js'
import { withApi } from './run.js'

interface ExportOptions extends TrustOptions {
  readonly out: string
  readonly form: ExportForm
  readonly model?: string
  readonly rows: number
  readonly tokens: number
}

const FORMS = `
Forms: peft          the adapter alone, as a Hugging Face PEFT folder
       merged        the base with the adapter in its weights, in the form of the base
       onnx          the same as one ONNX graph with its weights beside it
       adapter-onnx  the base as an ONNX graph that takes the adapter as inputs, and the adapter
The last three need the base (--model); an ONNX graph takes batches of the size that --rows and --tokens say.`

/** `lorica releases export`: a release for other programs. */
export function addExportCommand(releases: Command): void {
  const command = withApi(releases.command('export <release>'))
    .description('write a release for other programs, with its model card and its signed manifest')
    .requiredOption('--out <folder>', 'the folder to make')
    .addOption(new Option('--form <form>', 'what to write').choices(exportForms).default('peft'))
    .option('--model <path>', 'the base of the release: a Hugging Face folder or an .onnx file')
    .option('--rows <n>', 'texts in a batch of an ONNX graph', positiveInteger, 1)
    .option('--tokens <n>', 'tokens of each of them', positiveInteger, 128)
    .option(...ROOT_OPTION)
    .addHelpText('after', FORMS)
  runs(command, async (options: ExportOptions, output, [name]) => {
    const { form, model, rows, tokens } = options
    const folder = resolve(options.out)
    expectNewFolder(folder)
    const api = createApi(options)
    const view = await releaseOf(api, needed(name, '<release>'))
    expectUnrefuted(view)
    const trust = await trustGiven(api, options)
    const { files, opens, inputs } = await exportRelease(api, view, {
      form,
      model,
      rows,
      tokens,
      folder,
      trust,
    })
    const notes = await notesOn(api, view)
    const place = form === 'peft' ? { adapter: folder } : { model: join(folder, opens) }
    const shapes = (inputs ?? []).map(({ name: input, shape }) => `  takes ${input} (${shape.join(', ')})`)
    output.result(
      {
        release: view.name,
        id: view.id,
        form,
        ...place,
        files,
        notes,
        ...(inputs === undefined ? {} : { inputs }),
      },
      [
        `${view.name} verified and written to ${join(folder, opens)}`,
        ...shapes,
        ...notes,
        ...promiseOf(view.manifest),
        ...(form === 'peft'
          ? [
              `try it: lorica generate --model MODEL --adapter ${folder} --prompt "..."   (MODEL is ${view.manifest.base.name})`,
            ]
          : []),
      ],
    )
  })
}

/** Throws LoricaError LRC-3017 for a release that an audit refuted. */
export function expectUnrefuted({ name, audits = [] }: ReleaseView): void {
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
