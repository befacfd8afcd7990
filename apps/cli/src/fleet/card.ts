/**
 * A model card of a release, in the form that Hugging Face reads: YAML between dashes, then Markdown. It says nothing that the
 * signed manifest does not say.
 * Form: https://huggingface.co/docs/hub/model-cards
 * @module
 */
import type { ReleaseManifest } from '@lorica/protocol'
import { stringify } from 'yaml'
import { evaluationOf, limitsOf, originOf, privacyOf, trainingOf } from './card-sections.js'
import { amount, code } from './markdown.js'

export interface Card {
  readonly data: Readonly<Record<string, unknown>> // the front matter
  readonly text: string // all of it
}

/** The card of a release with the id `id`, the hash of its manifest. */
export function cardOf(manifest: ReleaseManifest, id: string): Card {
  const data = dataOf(manifest)
  const body = [
    `# ${manifest.runName} ${manifest.name}`,
    summaryOf(manifest),
    ...section('How it was trained', trainingOf(manifest)),
    ...section('Privacy', privacyOf(manifest)),
    ...section('Evaluation', evaluationOf(manifest)),
    ...section('Limits', limitsOf(manifest)),
    ...section('Where it comes from', originOf(manifest, id)),
  ]
  return { data, text: `---\n${stringify(data, { lineWidth: 0 })}---\n\n${body.join('\n\n')}\n` }
}

const PIPELINES: Readonly<Record<string, string>> = {
  text: 'text-generation',
  chat: 'text-generation',
  completion: 'text-generation',
  classification: 'text-classification',
}

function dataOf(manifest: ReleaseManifest): Card['data'] {
  const { base, runName, name, lineage, evaluation } = manifest
  const task = PIPELINES[lineage?.settings.format ?? '']
  const { loss } = evaluation
  return {
    base_model: base.name,
    base_model_relation: 'adapter',
    library_name: 'peft',
    ...(task === undefined ? {} : { pipeline_tag: task }),
    tags: ['lora', 'federated-learning', 'lorica'],
    ...(loss === null || task === undefined
      ? {}
      : {
          'model-index': [
            {
              name: `${runName} ${name}`,
              results: [
                {
                  task: { type: task },
                  dataset: { name: 'held-out data of the sites, which stays there', type: 'private' },
                  metrics: [{ type: 'loss', name: 'Loss (nats per token)', value: loss }],
                },
              ],
            },
          ],
        }),
  }
}

function summaryOf({ base, lineage, contributions, round }: ReleaseManifest): string {
  if (round === 0)
    return `${code(base.name)} as it is: an adapter that changes nothing, to compare others with.`
  const sites = lineage?.sites.run ?? contributions.length
  const method = lineage?.settings.method === 'lora' ? 'A LoRA adapter' : 'An adapter'
  return `${method} of ${code(base.name)}, trained across ${amount(sites, 'site')} with Lorica. The data of each site stayed on its own machines; only changes of the adapter left them.`
}

function section(title: string, parts: readonly string[]): readonly string[] {
  const lines = parts.filter((part) => part.startsWith('- '))
  const others = parts.filter((part) => !part.startsWith('- '))
  return [`## ${title}`, ...others, ...(lines.length === 0 ? [] : [lines.join('\n')])]
}
