/**
 * A WebAssembly module that adds weighted float32 arrays to a float64 array, two values an instruction. JavaScript engines do not
 * do that by themselves, and a fold is then three times slower. Each value is widened, multiplied and added as JavaScript would, so the
 * results are the same to the bit.
 * Spec: https://webassembly.github.io/spec/core/binary/
 *
 * round (sum, end, result): the sums as float32 at the address `result`; returns 0 when all of them are finite, else NaN.
 * fold1 … fold4 (sum, end, a, b, …, p, q, …): for each value from the address `sum` up to `end`, sum + p a + q b + …, in this order.
 * first1 … first4: the same from 0, whatever the sum was.
 * All addresses are in bytes; `end - sum` is a multiple of 64.
 * @module
 */

/** What is used of WebAssembly, which the language's own declarations leave to browsers. */
interface WebAssemblyApi {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: Readonly<Record<string, unknown>> }
  validate(bytes: Uint8Array): boolean
}

export const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }

/** How many terms one call adds at most. */
export const MOST_TERMS = 4

/** What a call covers at least: the values of one turn of the loop. */
export const TURN_VALUES = 8

const [I32, F64, V128] = [0x7f, 0x7c, 0x7b]
const op = {
  loop: [0x03, 0x40],
  end: [0x0b],
  branchIf: [0x0d, 0x00], // to the start of the loop
  drop: [0x1a],
  get: (local: number) => [0x20, local],
  set: (local: number) => [0x21, local],
  constant: (value: number) => [0x41, ...signed(value)],
  add: [0x6a],
  less: [0x49], // unsigned
  load: (offset: number) => [0xfd, 0x00, 0x03, ...unsigned(offset)], // 16 bytes
  loadHalf: (offset: number) => [0xfd, 0x5d, 0x03, ...unsigned(offset)], // 8 bytes
  store: (offset: number) => [0xfd, 0x0b, 0x03, ...unsigned(offset)], // 16 bytes
  splat: [0xfd, 0x14], // f64x2
  zeros: [0xfd, 0x0c, ...Array<number>(16).fill(0)],
  widen: [0xfd, 0x5f], // two f32 to f64x2
  narrow: [0xfd, 0x5e], // f64x2 to two f32 and zeros
  storeHalf: (offset: number) => [0xfd, 0x5b, 0x03, ...unsigned(offset), 0x00], // 8 bytes
  half: (which: 0 | 1) => [0xfd, 0x21, which], // f64x2 to f64
  addDoubles: [0xa0],
  tee: (local: number) => [0x22, local],
  addPairs: [0xfd, 0xf0, 0x01], // f64x2
  subtractPairs: [0xfd, 0xf1, 0x01], // f64x2
  multiplyPairs: [0xfd, 0xf2, 0x01], // f64x2
} as const

/** The bytes of the module. It imports its memory as `env.memory`. */
export function foldModule(): Uint8Array {
  const terms = Array.from({ length: MOST_TERMS }, (_, at) => at + 1)
  const signatures = [
    ...[...terms, ...terms].map((count) => [0x60, ...list(parametersOf(count).map((type) => [type])), 0x00]),
    [0x60, ...list([[I32], [I32], [I32]]), ...list([[F64]])],
  ]
  const memory = [...text('env'), ...text('memory'), 0x02, 0x00, 0x01]
  const names = [...terms.map((count) => `fold${count}`), ...terms.map((count) => `first${count}`), 'round']
  const bodies = [
    ...terms.map((count) => foldBody(count, op.load)),
    ...terms.map((count) => foldBody(count, () => [...op.drop, ...op.zeros])),
    roundBody(),
  ]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, list(signatures)),
    ...section(2, list([memory])),
    ...section(3, list(names.map((_, at) => [at]))),
    ...section(7, list(names.map((name, at) => [...text(name), 0x00, at]))),
    ...section(10, list(bodies.map(sized))),
  ])
}

function parametersOf(terms: number): readonly number[] {
  return [I32, I32, ...Array<number>(terms).fill(I32), ...Array<number>(terms).fill(F64)]
}

/** `before` puts what is added to in the place of its address. */
function foldBody(terms: number, before: (offset: number) => readonly number[]): readonly number[] {
  const [sum, end, firstTerm, firstShare, firstPair] = [0, 1, 2, 2 + terms, 2 + 2 * terms] as const
  const each = Array.from({ length: terms }, (_, at) => at)
  const pairs = Array.from({ length: TURN_VALUES / 2 }, (_, at) => at)
  return [
    ...[1, terms, V128], // locals: each share, twice
    ...each.flatMap((at) => [...op.get(firstShare + at), ...op.splat, ...op.set(firstPair + at)]),
    ...op.loop,
    ...pairs.flatMap((pair) => [
      ...op.get(sum), // where the result goes
      ...op.get(sum),
      ...before(16 * pair),
      ...each.flatMap((at) => [
        ...[...op.get(firstTerm + at), ...op.loadHalf(8 * pair), ...op.widen],
        ...[...op.get(firstPair + at), ...op.multiplyPairs, ...op.addPairs],
      ]),
      ...op.store(16 * pair),
    ]),
    ...advance(sum, 8 * TURN_VALUES),
    ...each.flatMap((at) => advance(firstTerm + at, 4 * TURN_VALUES)),
    ...[...op.get(sum), ...op.get(end), ...op.less, ...op.branchIf],
    ...op.end,
    ...op.end,
  ]
}

function roundBody(): readonly number[] {
  const [sum, end, result, wrong, pair] = [0, 1, 2, 3, 4] as const
  const pairs = Array.from({ length: TURN_VALUES / 2 }, (_, at) => at)
  return [
    ...[1, 2, V128], // locals: the differences of values from themselves, and two rounded values
    ...op.loop,
    ...pairs.flatMap((at) => [
      ...[...op.get(result), ...op.get(sum), ...op.load(16 * at), ...op.narrow, ...op.tee(pair)],
      ...op.storeHalf(8 * at),
      ...[...op.get(pair), ...op.widen, ...op.tee(pair), ...op.get(pair), ...op.subtractPairs],
      ...[...op.get(wrong), ...op.addPairs, ...op.set(wrong)],
    ]),
    ...advance(sum, 8 * TURN_VALUES),
    ...advance(result, 4 * TURN_VALUES),
    ...[...op.get(sum), ...op.get(end), ...op.less, ...op.branchIf],
    ...op.end,
    ...[...op.get(wrong), ...op.half(0), ...op.get(wrong), ...op.half(1), ...op.addDoubles],
    ...op.end,
  ]
}

function advance(local: number, bytes: number): readonly number[] {
  return [...op.get(local), ...op.constant(bytes), ...op.add, ...op.set(local)]
}

function section(id: number, content: readonly number[]): readonly number[] {
  return [id, ...sized(content)]
}

function list(items: readonly (readonly number[])[]): readonly number[] {
  return [...unsigned(items.length), ...items.flat()]
}

function sized(content: readonly number[]): readonly number[] {
  return [...unsigned(content.length), ...content]
}

function text(name: string): readonly number[] {
  return sized([...Buffer.from(name)])
}

/** LEB128 */
function unsigned(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]
}

/** LEB128 of a number of at least 0, whose last byte has its sign bit clear. */
function signed(value: number): readonly number[] {
  return value < 64 ? [value] : [(value & 127) | 128, ...signed(value >> 7)]
}
