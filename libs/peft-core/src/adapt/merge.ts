/**
 * An adapter merged into the weights of its base: a model that needs no adapter any more.
 *
 * The base is copied and the changed weights are overwritten where they lie in its files, one at a time and in their own
 * element type, so the result has the form of the base: a Hugging Face folder, or an ONNX file with its data files.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { Adapter } from '../adapter/adapter.js'
import { openModel } from '../source/model.js'
import { modelFiles } from '../source/model-files.js'
import { plannedEdits } from './merge-edits.js'

export interface MergeJob {
  /** The base: a Hugging Face folder or an .onnx file. */
  readonly model: string
  readonly adapter: Adapter
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
 * method cannot be merged, or when a module is missing, shares its weight with another one, or is stored in a form that
 * has no room for other values (4-bit blocks, weights computed by the graph).
 */
export async function mergeAdapter(
  { model, adapter, out }: MergeJob,
  onEdit: (done: number, total: number) => void = () => {},
): Promise<MergedModel> {
  const edits = plannedEdits(
    (await openModel(model)).forward({ rows: 1, columns: 2, trainable: false }),
    adapter,
  )
  const { folder, names } = await modelFiles(model)
  const root = resolve(folder)
  const staging = join(dirname(resolve(out)), `.merged-${randomUUID()}`)
  try {
    for (const name of names) {
      await mkdir(dirname(join(staging, name)), { recursive: true })
      await copyFile(join(root, name), join(staging, name), constants.COPYFILE_FICLONE)
    }
    for (const [done, edit] of edits.entries()) {
      const target = join(staging, relative(root, resolve(edit.range.path)))
      await overwrite(target, edit.range.offset, edit.bytes())
      onEdit(done + 1, edits.length)
    }
    await rename(staging, out)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
  const merged = model.endsWith('.onnx') ? join(out, basename(model)) : out
  return { model: merged, modules: [...new Set(edits.map(({ path }) => path))] }
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
