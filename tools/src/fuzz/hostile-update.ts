/**
 * Updates that are wrong in one respect, and the code that each has to be refused with.
 * @module
 */
import type { RawTensor } from '@lorica/peft-core'
import type { TrainAssignment } from '@lorica/protocol'
import { flatUpdate, offerOf, type RawTensors, updateFile } from './adapter.js'
import type { Dice } from './frames.js'

/** What an agent offers and then sends. */
export interface HostileUpdate {
  readonly name: string
  readonly codes: readonly string[] // one of these
  make(against: {
    readonly assignment: TrainAssignment
    readonly adapter: RawTensors
    readonly roll: Dice
  }): {
    readonly offer: Readonly<Record<string, unknown>>
    readonly bytes: Uint8Array
    readonly startAt?: number // of the first chunk
  }
}

/** The norm that the run allows; a flat update of 1e-3 stays far below. */
export const CLIP = 50

type Change = (tensors: Map<string, RawTensor>, roll: Dice) => void

/** An update of which one tensor or more was changed. */
function changed(name: string, codes: readonly string[], change: Change): HostileUpdate {
  return {
    name,
    codes,
    make({ assignment, adapter, roll }) {
      const tensors = new Map(flatUpdate(adapter, 1e-3))
      change(tensors, roll)
      const bytes = updateFile(tensors)
      return { offer: offerOf(assignment, bytes), bytes }
    },
  }
}

/** A good update whose file was then changed. */
function edited(
  name: string,
  codes: readonly string[],
  edit: (bytes: Uint8Array, roll: Dice) => Uint8Array,
): HostileUpdate {
  return {
    name,
    codes,
    make({ assignment, adapter, roll }) {
      const bytes = edit(Uint8Array.from(updateFile(flatUpdate(adapter, 1e-3))), roll)
      return { offer: offerOf(assignment, bytes), bytes }
    },
  }
}

/** A good update of which something else is said. */
function lied(name: string, codes: readonly string[], lie: Readonly<Record<string, unknown>>): HostileUpdate {
  return {
    name,
    codes,
    make({ assignment, adapter }) {
      const bytes = updateFile(flatUpdate(adapter, 1e-3))
      return { offer: { ...offerOf(assignment, bytes), ...lie }, bytes }
    },
  }
}

function anyOf(tensors: ReadonlyMap<string, RawTensor>, roll: Dice): [string, RawTensor] {
  return [...tensors][roll(tensors.size)]!
}

/** One value of a tensor is replaced. */
function planted(value: number): Change {
  return (tensors, roll) => {
    const [name, tensor] = anyOf(tensors, roll)
    const bytes = Uint8Array.from(tensor.bytes)
    new DataView(bytes.buffer).setFloat32(4 * roll(bytes.byteLength / 4), value, true)
    tensors.set(name, { ...tensor, bytes })
  }
}

/** A file with this header and as many bytes behind it. */
function withHeader(header: string, rest: number, announced = Buffer.byteLength(header)): Uint8Array {
  const bytes = new Uint8Array(8 + Buffer.byteLength(header) + rest)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(announced), true)
  bytes.set(Buffer.from(header), 8)
  return bytes
}

function headerOf(bytes: Uint8Array): { readonly text: string; readonly rest: number } {
  const size = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  return { text: Buffer.from(bytes.subarray(8, 8 + size)).toString(), rest: bytes.byteLength - 8 - size }
}

export const hostileUpdates: readonly HostileUpdate[] = [
  changed('a value that is no number', ['LRC-4011'], planted(Number.NaN)),
  changed('a value without end', ['LRC-4011'], planted(Number.NEGATIVE_INFINITY)),
  changed('one huge value', ['LRC-4012'], planted(3e30)),
  changed('a huge norm', ['LRC-4012'], (tensors) => {
    const huge = flatUpdate(tensors, 1e6)
    for (const [name, tensor] of huge) tensors.set(name, tensor)
  }),
  changed('a tensor too few', ['LRC-4008', 'LRC-4003'], (tensors, roll) => {
    tensors.delete(anyOf(tensors, roll)[0])
  }),
  changed('a tensor too many', ['LRC-4008'], (tensors, roll) => {
    tensors.set('base_model.model.lm_head.weight', anyOf(tensors, roll)[1])
  }),
  changed('a tensor with the name __proto__', ['LRC-4008', 'LRC-4007'], (tensors, roll) => {
    const [name, tensor] = anyOf(tensors, roll)
    tensors.delete(name)
    tensors.set('__proto__', tensor)
  }),
  changed('a tensor that lies on its side', ['LRC-4009'], (tensors, roll) => {
    const [name, tensor] = anyOf(tensors, roll)
    tensors.set(name, { ...tensor, shape: [...tensor.shape, 1] })
  }),
  changed('other elements', ['LRC-4010'], (tensors, roll) => {
    const [name, tensor] = anyOf(tensors, roll)
    tensors.set(name, { ...tensor, element: 'int32' })
  }),
  edited('one flipped bit of a name', ['LRC-4007', 'LRC-4008', 'LRC-4009', 'LRC-4010'], (bytes, roll) => {
    const name = Buffer.from(bytes.buffer).indexOf('base_model')
    bytes[name + roll(30)]! ^= 1 << roll(7)
    return bytes
  }),
  edited('a header that says it is enormous', ['LRC-4007'], (bytes, roll) => {
    new DataView(bytes.buffer).setBigUint64(0, 2n ** BigInt(31 + roll(32)), true)
    return bytes
  }),
  edited('a header that goes on behind the file', ['LRC-4007'], (bytes) => {
    new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.byteLength), true)
    return bytes
  }),
  edited('a header of lists in lists', ['LRC-4007'], (bytes) =>
    withHeader('['.repeat(100_000), bytes.byteLength),
  ),
  edited('a header of a million names', ['LRC-4007', 'LRC-4008'], (bytes) => {
    const names = Array.from(
      { length: 40_000 },
      (_, at) => `"n${at}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`,
    )
    return withHeader(`{${names.join(',')}}`, headerOf(bytes).rest)
  }),
  edited('tensors on top of each other', ['LRC-4007'], (bytes) => {
    const { text, rest } = headerOf(bytes)
    return withHeader(
      text.replace(/"data_offsets":\[\d+,/, '"data_offsets":[0,').replace(/,(\d+)\]/, ',8]'),
      rest,
    )
  }),
  edited('offsets that are negative', ['LRC-4007'], (bytes) => {
    const { text, rest } = headerOf(bytes)
    return withHeader(text.replace(/"data_offsets":\[\d+/, '"data_offsets":[-8'), rest)
  }),
  edited('no header at all', ['LRC-4007'], (bytes) => bytes.fill(0xff)),
  lied('the hash of something else', ['LRC-4006'], { sha256: 'ab'.repeat(32) }),
  lied('a hash that is none', ['LRC-1007'], { sha256: '../../admin-token' }),
  lied('a size that is too small', ['LRC-4003'], { sizeBytes: 100 }),
  lied('a size beyond every limit', ['LRC-1007'], { sizeBytes: 2 ** 45 }),
  lied('a size that is too large for its run', ['LRC-4003'], { sizeBytes: 2 ** 31 }),
  lied('more work than it was given', ['LRC-4014'], { tokens: 1_000_000_000_000 }),
  lied('the assignment of another', ['LRC-4001'], { assignmentId: 'a1' }),
  {
    name: 'a size one byte above what comes',
    codes: ['LRC-4003'],
    make({ assignment, adapter }) {
      const bytes = updateFile(flatUpdate(adapter, 1e-3))
      return { offer: { ...offerOf(assignment, bytes), sizeBytes: bytes.byteLength + 1 }, bytes }
    },
  },
  {
    name: 'more bytes than it said',
    codes: ['LRC-4003'],
    make({ assignment, adapter }) {
      const bytes = updateFile(flatUpdate(adapter, 1e-3))
      return { offer: { ...offerOf(assignment, bytes), sizeBytes: bytes.byteLength - 4 }, bytes }
    },
  },
  {
    name: 'a hole',
    codes: ['LRC-4004'],
    make({ assignment, adapter, roll }) {
      const bytes = updateFile(flatUpdate(adapter, 1e-3))
      return { offer: offerOf(assignment, bytes), bytes, startAt: 1 + roll(bytes.byteLength - 1) }
    },
  },
]
