import { dirname, join } from 'node:path'
import { hashModel } from '@lorica/peft-core'
import { type Assignment, LoricaError } from '@lorica/protocol'
import type { Blobs } from './blobs.js'
import { type Disk, systemDisk } from './disk.js'
import { diskError } from './folder.js'

export type BaseReference = Assignment['base']

/** Frozen models on this machine, by the hash of their content. */
export interface Bases {
  /** Path of a base: a Hugging Face folder or an .onnx file, its content checked in this process. */
  pathOf(base: BaseReference): Promise<string>
  /** Bytes of a base that are not on this disk yet. */
  missingBytes(base: BaseReference): Promise<number>
}

export interface BasesOptions {
  /** Where bases are put together from downloaded files. */
  readonly folder: string
  readonly blobs: Blobs
  /** A base that the owner of the machine gave; then no other is used and none is downloaded. */
  readonly own?: string | undefined
  readonly disk?: Disk
  /** How a base is hashed; that of a folder or an .onnx file when absent. */
  readonly hash?: typeof hashModel
}

/** Opens the bases of a folder. */
export function openBases({
  folder,
  blobs,
  own,
  disk = systemDisk(),
  hash = hashModel,
}: BasesOptions): Bases {
  const ready = new Map<string, Promise<string>>()
  return {
    async missingBytes(base) {
      if (own !== undefined || (await disk.list(join(folder, base.sha256))).length > 0) return 0
      return await blobs.missingBytes(base.files)
    },
    pathOf(base) {
      const known = ready.get(base.sha256)
      if (known !== undefined) return known
      const path =
        own === undefined ? assemble(base, { folder, blobs, disk, hash }) : checkOwn(base, own, hash)
      ready.set(base.sha256, path)
      path.catch(() => ready.delete(base.sha256))
      return path
    },
  }
}

async function checkOwn(base: BaseReference, own: string, hash: typeof hashModel): Promise<string> {
  const { sha256 } = await hash(own).catch((cause: Error) => {
    throw new LoricaError('LRC-3003', `${own}: ${cause.message}`, { cause })
  })
  if (sha256 === base.sha256) return own
  throw new LoricaError('LRC-3003', `${own} is not the base of this run`, {
    expected: `a base with hash ${base.sha256}`,
    received: sha256,
    action: 'Give the base of the run with --base, or leave --base out and it is downloaded.',
  })
}

async function assemble(
  base: BaseReference,
  { folder, blobs, disk, hash }: Required<Omit<BasesOptions, 'own'>>,
): Promise<string> {
  const target = join(folder, base.sha256)
  const path = modelPath(target, base)
  if ((await disk.list(target)).length > 0) {
    const intact = await hash(path).then(
      ({ sha256 }) => sha256 === base.sha256,
      () => false,
    )
    if (intact) return path
    await disk.remove(target)
  }
  const staging = disk.temporaryPath(join(folder, `.${base.sha256.slice(0, 16)}`))
  try {
    for (const file of base.files) await place(disk, await blobs.ensure(file), join(staging, file.path))
    const { sha256 } = await hash(modelPath(staging, base))
    if (sha256 !== base.sha256) {
      throw new LoricaError('LRC-6007', 'the files of the base do not add up to the announced base', {
        expected: `sha256 ${base.sha256}`,
        received: `sha256 ${sha256}`,
      })
    }
    await disk.rename(staging, target)
    return path
  } catch (cause) {
    throw diskError(target, cause)
  } finally {
    await disk.remove(staging)
  }
}

/** A folder that holds config.json is a model itself; otherwise the model is the .onnx file in it. */
function modelPath(folder: string, { files }: BaseReference): string {
  if (files.some(({ path }) => path === 'config.json')) return folder
  const graph = files.find(({ path }) => path.endsWith('.onnx'))
  return graph === undefined ? folder : join(folder, graph.path)
}

async function place(disk: Disk, blob: string, path: string): Promise<void> {
  await disk.makeFolder(dirname(path))
  await disk.duplicate(blob, path)
}
