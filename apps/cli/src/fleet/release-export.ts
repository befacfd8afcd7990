import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { exportOnnx, hashModel, mergeAdapter } from '@lorica/peft-core'
import { LoricaError, type ReleaseManifest, type ReleaseView, type Trust } from '@lorica/protocol'
import { withCode } from '../learning/errors.js'
import type { Api } from './api.js'
import { cardOf } from './card.js'
import { releaseAdapter, releaseFiles, verified } from './release-files.js'

/** What a release is written as. */
export const exportForms = ['peft', 'merged', 'onnx', 'adapter-onnx'] as const
export type ExportForm = (typeof exportForms)[number]

export interface ExportJob {
  readonly form: ExportForm
  readonly model?: string | undefined // the base; of every form but peft
  readonly rows: number // of the batches that an ONNX file takes
  readonly tokens: number // of a row
  readonly folder: string // to make; nothing has it
  readonly trust: Trust
}

export interface Exported {
  /** The paths of the files that are the release, or that say what it is. */
  readonly files: readonly string[]
  /** What a program opens: the folder, or the .onnx file in it. */
  readonly opens: string
  /** Of an ONNX file: its inputs, with the shapes that it takes; those of the adapter are not among them. */
  readonly inputs?: readonly { readonly name: string; readonly shape: readonly number[] }[]
}

/**
 * Verifies a release, gets its files by hash, and writes it in a form, with its model card and its signed manifest beside it. The folder appears
 * whole or not at all. Throws what verifyRelease throws, LoricaError LRC-6007 for a wrong file, LRC-6108 for a base that is not that of
 * the release, LRC-7001 for a base that has no such form.
 */
export async function exportRelease(api: Api, view: ReleaseView, job: ExportJob): Promise<Exported> {
  const manifest = verified(view, job.trust)
  const model = job.form === 'peft' ? undefined : await baseFor(manifest, job)
  await mkdir(dirname(job.folder), { recursive: true })
  const place = await mkdtemp(`${job.folder}.part-`)
  const draft = join(place, 'whole')
  try {
    const exported =
      model === undefined
        ? await writePeft(api, manifest, draft)
        : await withCode('LRC-7001', () => writeModel(api, manifest, { ...job, model, draft }))
    await writeFile(join(draft, 'release.json'), `${JSON.stringify(view.signed)}\n`)
    await writeFile(join(draft, 'README.md'), cardOf(manifest, view.id).text)
    await rename(draft, job.folder)
    return { ...exported, files: [...exported.files, 'release.json', 'README.md'] }
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

async function writePeft(api: Api, manifest: ReleaseManifest, draft: string): Promise<Exported> {
  await mkdir(draft)
  for await (const { path, content } of releaseFiles(api, manifest))
    await writeFile(join(draft, path), content)
  return { files: manifest.files.map(({ path }) => path), opens: '' }
}

async function writeModel(
  api: Api,
  manifest: ReleaseManifest,
  {
    form,
    model,
    rows,
    tokens: columns,
    draft,
  }: ExportJob & { readonly model: string; readonly draft: string },
): Promise<Exported> {
  const adapter = await releaseAdapter(api, manifest)
  if (form === 'adapter-onnx') {
    const { inputs } = await exportOnnx({ model, adapter, rows, columns, out: draft })
    return { files: ['model.onnx', 'adapter'], opens: 'model.onnx', inputs }
  }
  const isExported = form === 'onnx' && !model.endsWith('.onnx')
  const merged = isExported ? `${draft}-merged` : draft
  const { model: made } = await mergeAdapter({ model, adapter, out: merged })
  if (!isExported) {
    const opens = made.slice(merged.length + 1)
    return { files: opens === '' ? [] : [opens], opens }
  }
  const { inputs } = await exportOnnx({ model: merged, rows, columns, out: draft })
  return { files: ['model.onnx'], opens: 'model.onnx', inputs }
}

/** The base that was given, when it is that of the release. */
async function baseFor({ name, base }: ReleaseManifest, { form, model }: ExportJob): Promise<string> {
  if (model === undefined)
    throw new LoricaError('LRC-8001', `the form ${form} needs the base of ${name}`, {
      expected: `--model with the base "${base.name}"`,
      received: 'no --model',
    })
  const path = resolve(model)
  const { sha256 } = await withCode('LRC-3003', () => hashModel(path))
  if (sha256 === base.sha256) return path
  throw new LoricaError('LRC-6108', `"${model}" is not the base of ${name}`, {
    expected: `"${base.name}" with the content ${base.sha256}`,
    received: sha256,
  })
}
