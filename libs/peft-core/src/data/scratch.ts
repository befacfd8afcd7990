/**
 * A file of numbers that only this process can read and that is gone when it ends, however it ends.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export interface Scratch {
  /** Appends numbers and returns where they are, counted in numbers. */
  append(numbers: Int32Array): number
  /** `count` numbers from `offset` on. RangeError beyond the end. */
  read(offset: number, count: number): Int32Array
  close(): void
}

const BUFFERED = 1 << 16
const NUMBER_BYTES = Int32Array.BYTES_PER_ELEMENT

/** Opens an empty scratch file in a folder. Its name is removed at once where the system allows it, else when it is closed. */
export function openScratch(folder: string): Scratch {
  const path = join(folder, `lorica-${randomUUID()}.tokens`)
  const file = openSync(path, 'wx+', 0o600)
  const remove = (): void => rmSync(path, { force: true })
  if (process.platform !== 'win32') remove()
  const buffer = new Int32Array(BUFFERED)
  let buffered = 0
  let written = 0
  const write = (numbers: Int32Array): void => {
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
    for (let done = 0; done < bytes.length; )
      done += writeSync(file, bytes, done, bytes.length - done, written * NUMBER_BYTES + done)
    written += numbers.length
  }
  const flush = (): void => {
    write(buffer.subarray(0, buffered))
    buffered = 0
  }
  return {
    append(numbers) {
      const offset = written + buffered
      if (buffered + numbers.length > BUFFERED) flush()
      if (numbers.length > BUFFERED) write(numbers)
      else {
        buffer.set(numbers, buffered)
        buffered += numbers.length
      }
      return offset
    },
    read(offset, count) {
      flush()
      const numbers = new Int32Array(count)
      const bytes = new Uint8Array(numbers.buffer)
      for (let done = 0; done < bytes.length; ) {
        const got = readSync(file, bytes, done, bytes.length - done, offset * NUMBER_BYTES + done)
        if (got === 0) throw new RangeError(`expected ${count} numbers at ${offset}, got ${written} in all`)
        done += got
      }
      return numbers
    },
    close() {
      closeSync(file)
      remove()
    },
  }
}
