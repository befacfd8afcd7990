/**
 * Reads protobuf messages field by field, without a schema. Byte fields are views of the input, not copies.
 * Spec: https://protobuf.dev/programming-guides/encoding/
 * @module
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { OnnxError } from './onnx-error.js'

/** One field of a message. A reading that does not fit the field's wire type is an error. */
export interface Field {
  readonly number: number
  text(): string
  /** An integer; beyond 2^53 the nearest double. */
  integer(): number
  float(): number
  bytes(): Uint8Array
  /** Reads the field as a message; `what` names it in errors. */
  message(what: string, visit: (field: Field) => void): void
  /** The values of a repeated field, which may be one or, packed, many. */
  integers(): readonly number[]
  floats(): readonly number[]
  doubles(): readonly number[]
  unsigned(): readonly number[]
}

/** Calls `visit` for every field of a message; what it does not read is passed over. `what` names the message in errors. */
export function readFields(bytes: Uint8Array, what: string, visit: (field: Field) => void): void {
  const reader = new BinaryReader(bytes)
  const at = reader.pos
  try {
    while (reader.pos < reader.len) {
      const [number, wire] = reader.tag()
      const start = reader.pos
      visit(fieldOf(reader, number, wire, what))
      if (reader.pos === start) reader.skip(wire, number)
    }
  } catch (cause) {
    if (cause instanceof OnnxError) throw cause
    throw malformed(
      `${what} has illegal bytes near byte ${at + reader.pos} of it: ${(cause as Error).message}`,
      cause,
    )
  }
}

export function malformed(message: string, cause?: unknown): OnnxError {
  return new OnnxError('malformed', `not a readable ONNX model: ${message}`, {
    cause,
  })
}

function fieldOf(reader: BinaryReader, number: number, wire: WireType, what: string): Field {
  const expect = (wanted: WireType): void => {
    if (wire !== wanted) throw new RangeError(`field ${number} has wire type ${wire}, expected ${wanted}`)
  }
  const repeated = (single: WireType, read: (reader: BinaryReader) => number): readonly number[] => {
    if (wire === single) return [read(reader)]
    expect(WireType.LengthDelimited)
    const packed = new BinaryReader(reader.bytes())
    const values: number[] = []
    while (packed.pos < packed.len) values.push(read(packed))
    return values
  }
  const bytes = (): Uint8Array => {
    expect(WireType.LengthDelimited)
    return reader.bytes()
  }
  return {
    number,
    text: () => {
      expect(WireType.LengthDelimited)
      return reader.string(true)
    },
    integer: () => {
      expect(WireType.Varint)
      return Number(reader.int64())
    },
    float: () => {
      expect(WireType.Bit32)
      return reader.float()
    },
    bytes,
    message: (inner, visit) => readFields(bytes(), `${inner} of ${what}`, visit),
    integers: () => repeated(WireType.Varint, (from) => Number(from.int64())),
    unsigned: () => repeated(WireType.Varint, (from) => Number(from.uint64())),
    floats: () => repeated(WireType.Bit32, (from) => from.float()),
    doubles: () => repeated(WireType.Bit64, (from) => from.double()),
  }
}
