import type { Disk, ReadableFile } from '../store/disk.js'

/** All bytes of a file, or those that are there: a hash tells whether they are all. */
export async function wholeFile(disk: Pick<Disk, 'open'>, path: string): Promise<Uint8Array> {
  const file: ReadableFile = await disk.open(path)
  try {
    const bytes = new Uint8Array(file.sizeBytes)
    for (let at = 0; at < bytes.byteLength; ) {
      const count = await file.readInto(bytes.subarray(at), at)
      if (count === 0) break
      at += count
    }
    return bytes
  } finally {
    await file.close()
  }
}
