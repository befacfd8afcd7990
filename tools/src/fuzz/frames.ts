/**
 * Frames that a hostile or broken peer may send, from a seed: random bytes, mutated golden packets, and MessagePack with what the
 * protocol forbids: every extension type, bombs, wrong lengths, `__proto__`.
 * @module
 */

/** Whole numbers from 0 to `below`, without it, from a seed (mulberry32). */
export type Dice = (below: number) => number

export function dice(seed: number): Dice {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** The next frame. `golden` are packets of the protocol to mutate. */
export function nextFrame(roll: Dice, golden: readonly Uint8Array[]): Uint8Array {
  const kind = roll(10)
  if (kind === 0) return Uint8Array.from({ length: roll(400) }, () => roll(256))
  if (kind < 5) return mutated(roll, golden[roll(golden.length)] as Uint8Array)
  if (kind === 5) return bomb(roll)
  const inner = value(roll, 6)
  const header = [0x94, roll(8), ...text('/'), roll(2) === 0 ? 0xc0 : roll(128)]
  return Uint8Array.from([
    ...header,
    ...(kind < 8 ? [0x92, ...text(names[roll(names.length)] as string), ...inner] : inner),
  ])
}

const names = [
  'hello',
  'blob.read',
  'update.chunk',
  'update.open',
  'leave',
  'connect',
  'disconnecting',
  '__proto__',
  'constructor',
  '',
]

function mutated(roll: Dice, frame: Uint8Array): Uint8Array {
  const bytes = [...frame]
  for (let times = 1 + roll(4); times > 0; times--) {
    const at = roll(bytes.length + 1)
    const change = roll(5)
    if (change === 0) bytes[at % bytes.length] = roll(256)
    else if (change === 1) bytes.splice(at, 1 + roll(8))
    else if (change === 2) bytes.splice(at, 0, ...Array.from({ length: 1 + roll(8) }, () => roll(256)))
    else if (change === 3) bytes.splice(at, 0, ...bytes.slice(roll(bytes.length + 1), at + roll(40)))
    else bytes.length = Math.max(1, at)
    if (bytes.length === 0) bytes.push(roll(256))
  }
  return Uint8Array.from(bytes)
}

function bomb(roll: Dice): Uint8Array {
  const size = 1 + roll(20_000)
  switch (roll(5)) {
    case 0:
      return new Uint8Array(size).fill(0x91) // lists in lists
    case 1:
      return new Uint8Array(size).fill(0x80) // empty maps after the first
    case 2:
      return Uint8Array.from([0xdd, 0xff, 0xff, 0xff, 0xff, ...new Uint8Array(size % 500)])
    case 3:
      return Uint8Array.from([0xdc, size >> 8, size & 255, ...new Uint8Array(size % 70_000).fill(0x80)])
    default:
      return Uint8Array.from([0xdf, 0, 0, 0xff, 0xff, ...new Uint8Array(size).fill(0xa1)])
  }
}

/** One value of MessagePack, most often allowed; `depth` more containers at most. */
function value(roll: Dice, depth: number): readonly number[] {
  const kind = roll(depth > 0 ? 14 : 9)
  const some = (count: number) => Array.from({ length: count }, () => roll(256))
  if (kind < 3) return [roll(128)]
  if (kind === 3) return text(String.fromCharCode(97 + roll(26)).repeat(roll(31)))
  if (kind === 4) return [0xcb, ...some(8)]
  if (kind === 5) return [0xc4, 7, ...some(7)]
  if (kind === 6) return [0xd4 + roll(5), roll(256), ...some(roll(18))] // extension types
  if (kind === 7) return [0xc7, 3, roll(256), ...some(3)]
  if (kind === 8) return [[0xc0, 0xc1, 0xc2, 0xc3][roll(4)] as number]
  const count = roll(5)
  const inner = (): readonly number[] => value(roll, depth - 1)
  if (kind < 12) {
    const entries = Array.from({ length: count }, () => [...key(roll), ...inner()]).flat()
    return [0x80 + count, ...entries]
  }
  return [0x90 + count, ...Array.from({ length: count }, inner).flat()]
}

function key(roll: Dice): readonly number[] {
  const kind = roll(12)
  if (kind === 0) return text('__proto__')
  if (kind === 1) return text('constructor')
  if (kind === 2) return [roll(128)] // no text
  return text(['protocol', 'software', 'offset', 'bytes', 'sha256', 'uploadId', 'length'][roll(7)] as string)
}

const text = (word: string): readonly number[] => [0xa0 + word.length, ...Buffer.from(word)]
