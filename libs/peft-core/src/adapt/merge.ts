/**
 * An adapter merged into the weights of its base: a model that needs no adapter any more.
 *
 * The base is copied and the changed weights are overwritten where they lie in its files, one at a time and in their own
 * element type, so the result has the form of the base: a Hugging Face folder, or an ONNX file with its data files. With a
 * new head it is a folder with the classes and weights of that head.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { Adapter } from '../adapter/adapter.js'
import { isSavedKey, savedKey } from '../adapter/saved-modules.js'
import { writeHeadFolder } from '../source/head-folder.js'
import { openModel } from '../source/model.js'
import { modelFiles } from '../source/model-files.js'
import type { NewHead } from '../source/new-head.js'
import { type Edit, plannedEdits } from './merge-edits.js'

export interface MergeJob {
  /** The base: a Hugging Face folder or an .onnx file. */
  readonly model: string
  readonly adapter: Adapter
  /** The classifier that the adapter brings along, in place of the base's head. */
  readonly head?: NewHead | undefined
  /** The folder to make; it must not exist. */
  readonly out: string
}

export interface MergedModel {
  /** The folder, or the .onnx file in it. */
  readonly model: string
  /** The paths of the changed modules. */
  readonly modules: readonly string[]
}

/**
 * Writes the base with the merged weight in place of each adapted module's; half-precision weights are merged in float32
 * and rounded to nearest. The folder appears whole or not at all. `onEdit` hears of each weight. RangeError when the
 * method cannot be merged, or when a module is missing, shares its weight with another one, is stored in a form that
 * has no room for other values (4-bit blocks, weights computed by the graph), or is of a new head and not in the adapter.
 */
export async function mergeAdapter(
  { model, adapter, head, out }: MergeJob,
  onEdit: (done: number, total: number) => void = () => {},
): Promise<MergedModel> {
  const staging = join(dirname(resolve(out)), `.merged-${randomUUID()}`)
  try {
    const edits =
      head === undefined
        ? await editsOfCopy(model, adapter, staging)
        : await editsOfHead({ model, head }, adapter, staging)
    for (const [done, { file, edit }] of edits.entries()) {
      await overwrite(file, edit.range.offset, edit.bytes())
      onEdit(done + 1, edits.length)
    }
    await rename(staging, out)
    const merged = model.endsWith('.onnx') ? join(out, basename(model)) : out
    return { model: merged, modules: [...new Set(edits.map(({ edit }) => edit.path))] }
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** What changes, and in which file of the folder that is being made. */
interface FileEdit {
  readonly file: string
  readonly edit: Edit
}

/** The edits of a copy of the base's files. */
async function editsOfCopy(model: string, adapter: Adapter, staging: string): Promise<readonly FileEdit[]> {
  const edits = await editsOf(model, adapter)
  const { folder, names } = await modelFiles(model)
  const root = resolve(folder)
  for (const name of names) {
    await mkdir(dirname(join(staging, name)), { recursive: true })
    await copyFile(join(root, name), join(staging, name), constants.COPYFILE_FICLONE)
  }
  return edits.map((edit) => ({ edit, file: join(staging, relative(root, resolve(edit.range.path))) }))
}

/** The edits of the base with a fresh head, all of whose weights the adapter has to bring. */
async function editsOfHead(
  { model, head }: { readonly model: string; readonly head: NewHead },
  adapter: Adapter,
  staging: string,
): Promise<readonly FileEdit[]> {
  const { newModules } = await writeHeadFolder(model, head, staging)
  const { config } = adapter
  const missing = newModules.find((module) => !isSavedKey(config, savedKey(config, `${module}.weight`)))
  if (missing !== undefined)
    throw new RangeError(`the adapter has no weights for "${missing}" of its new head; it cannot be merged`)
  return (await editsOf(staging, adapter)).map((edit) => ({ edit, file: edit.range.path }))
}

async function editsOf(model: string, adapter: Adapter): Promise<readonly Edit[]> {
  return plannedEdits((await openModel(model)).forward({ rows: 1, columns: 2, trainable: false }), adapter)
}

async function overwrite(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(bytes, 0, bytes.length, offset)
    await file.sync()
  } finally {
    await file.close()
  }
}
