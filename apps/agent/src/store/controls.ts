import { join } from 'node:path'
import { decodeControl, encodeControl, type TensorMap } from '@lorica/peft-core'
import { type FileReference, LoricaError } from '@lorica/protocol'
import { type Disk, systemDisk } from './disk.js'
import { writeWhole } from './folder.js'

/** What SCAFFOLD knows of the data of this machine, by run and by the update that it was found out with. It never leaves. */
export interface Controls {
  /** The control that went with an update; undefined when there is none, or it is damaged: then it counts as zeros. */
  of(runId: string, updateSha256: string): Promise<TensorMap | undefined>
  /** Keeps the control that goes with an update, before the update itself is kept. That of the update `counted` stays too. */
  keep(runId: string, updateSha256: string, control: TensorMap, counted: string | null): Promise<void>
  drop(runId: string): Promise<void>
}

/** The control that a coordinator sends. Throws LoricaError LRC-7003 when it is none. */
export function readControl({ path }: FileReference, bytes: Uint8Array): TensorMap {
  try {
    return decodeControl(bytes)
  } catch (cause) {
    throw new LoricaError('LRC-7003', `${path}: ${(cause as Error).message}`, { cause })
  }
}

/** Opens the controls of a folder. */
export function openControls(folder: string, disk: Disk = systemDisk()): Controls {
  const nameOf = (sha256: string): string => `${sha256}.safetensors`
  return {
    of: (runId, sha256) =>
      disk
        .read(join(folder, runId, nameOf(sha256)))
        .then(decodeControl)
        .catch(() => undefined),
    async keep(runId, sha256, control, counted) {
      const own = join(folder, runId)
      await writeWhole(join(own, nameOf(sha256)), encodeControl(control), {
        ...{ mode: 0o600, disk, isDurable: true },
      })
      const needed = new Set([sha256, counted].flatMap((name) => (name === null ? [] : [nameOf(name)])))
      const old = (await disk.list(own)).filter((name) => !needed.has(name))
      await Promise.all(old.map((name) => disk.remove(join(own, name))))
    },
    drop: (runId) => disk.remove(join(folder, runId)),
  }
}
