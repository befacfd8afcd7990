import { execFile } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A disk of its own at a folder, which can be filled to its last byte. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string
  fill(): Promise<void>
  /** Takes away what filled it. */
  free(): Promise<void>
}

/** Whether this machine lets this user mount a disk (Linux, as root). */
export const canMount = process.platform === 'linux' && process.getuid?.() === 0 && (await canMountHere())
if (!canMount) console.warn('skipped: a full disk needs a tmpfs, which only root on Linux may mount')

async function canMountHere(): Promise<boolean> {
  const unshared = ['--mount', 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', '/mnt']
  return await run('unshare', unshared).then(
    () => true,
    () => false,
  )
}

export async function mountSmallDisk(path: string, sizeBytes: number): Promise<SmallDisk> {
  await mkdir(path, { recursive: true })
  await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=0700`, 'tmpfs', path])
  const filler = join(path, 'filler')
  return {
    path,
    async fill() {
      const file = await open(filler, 'a')
      try {
        for (const size of [64 * 1024, 512, 1]) await fillWith(file, new Uint8Array(size))
      } finally {
        await file.close()
      }
    },
    free: () => rm(filler, { force: true }),
    [Symbol.asyncDispose]: async () => {
      await run('umount', ['--lazy', path])
    },
  }
}

async function fillWith(file: Awaited<ReturnType<typeof open>>, bytes: Uint8Array): Promise<void> {
  for (;;) {
    try {
      await file.write(bytes)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return
      throw error
    }
  }
}
