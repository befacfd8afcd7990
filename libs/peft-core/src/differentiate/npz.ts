/**
 * Support for tests: the arrays of a NumPy .npz file.
 * Specs: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 * @module
 */
import { readFileSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'

export interface NumpyArray {
  readonly shape: readonly number[]
  readonly data: Float32Array | Int32Array
}

/** The arrays by name; 64-bit integers as 32-bit ones. */
export function readNpz(file: string): ReadonlyMap<string, NumpyArray> {
  const zip = readFileSync(file)
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6])) // the record behind the central directory
  const arrays = new Map<string, NumpyArray>()
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = zip.readUInt16LE(at + 28)
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength)
    arrays.set(name.replace(/\.npy$/, ''), readNpy(entry(zip, at)))
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return arrays
}

/** The bytes of the file that an entry of the central directory describes. */
function entry(zip: Buffer, at: number): Buffer {
  const isDeflated = zip.readUInt16LE(at + 10) === 8
  const local = zip.readUInt32LE(at + 42)
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
  const bytes = zip.subarray(start, start + zip.readUInt32LE(at + 20))
  return isDeflated ? inflateRawSync(bytes) : bytes
}

function readNpy(bytes: Buffer): NumpyArray {
  const header = bytes.toString('latin1', 10, 10 + bytes.readUInt16LE(8))
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '').split(',').flatMap((side) => {
    const number = Number.parseInt(side, 10)
    return Number.isNaN(number) ? [] : [number]
  })
  const kind = /'descr': '<(\w\d)'/.exec(header)?.[1]
  const body = Uint8Array.from(bytes.subarray(10 + header.length)).buffer
  if (kind === 'f4') return { shape, data: new Float32Array(body) }
  if (kind === 'i8') return { shape, data: Int32Array.from(new BigInt64Array(body), Number) }
  throw new TypeError(`expected float32 or int64, got ${header}`)
}
