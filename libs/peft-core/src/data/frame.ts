/**
 * The tokens that a model expects around and between texts, such as [CLS] a [SEP] b [SEP].
 * @module
 */
import type { Tokenizer } from '../train/tokens.js'

export interface Frame {
  /** Tokens before a text and after it. */
  readonly single: readonly [readonly number[], readonly number[]]
  /** Tokens before, between and after two texts. RangeError when the tokenizer does not join texts. */
  pair(): PairFrame
}

interface PairFrame {
  readonly tokens: readonly [readonly number[], readonly number[], readonly number[]]
  /** The segment of each part: before, first text, between, second text, after. */
  readonly types: readonly [number, number, number, number, number]
}

export interface Framed {
  readonly ids: readonly number[]
  readonly typeIds?: readonly number[]
  readonly isCut: boolean
}

/** Learns the frame from how the tokenizer surrounds short texts. */
export function frameOf(tokenizer: Tokenizer): Frame {
  const [first, second] = [tokenizer.encode('a'), tokenizer.encode('b')]
  const alone = tokenizer.encode('a', { specialTokens: true })
  const at = indexOf(alone, first, 0)
  return {
    single: [alone.slice(0, at), alone.slice(at + first.length)],
    pair: () => pairFrame(tokenizer.encodePair('a', 'b'), first, second),
  }
}

function pairFrame(
  { ids, typeIds }: ReturnType<Tokenizer['encodePair']>,
  first: readonly number[],
  second: readonly number[],
): PairFrame {
  const firstAt = indexOf(ids, first, 0)
  const betweenAt = firstAt + first.length
  const secondAt = indexOf(ids, second, betweenAt)
  const afterAt = secondAt + second.length
  const typeAt = (at: number): number => typeIds[at] ?? 0
  return {
    tokens: [ids.slice(0, firstAt), ids.slice(betweenAt, secondAt), ids.slice(afterAt)],
    types: [typeAt(0), typeAt(firstAt), typeAt(betweenAt), typeAt(secondAt), typeAt(afterAt)],
  }
}

/** A text in its frame, cut at its end so that all has at most `columns` tokens. */
export function framedText(frame: Frame, text: readonly number[], columns: number): Framed {
  const [before, after] = frame.single
  const room = expectRoom(columns - before.length - after.length)
  return { ids: [...before, ...text.slice(0, room), ...after], isCut: text.length > room }
}

/** Two texts in their frame; where they are too long, tokens are cut off the longer one. */
export function framedPair(
  frame: Frame,
  [first, second]: readonly [readonly number[], readonly number[]],
  columns: number,
): Framed {
  const { tokens, types } = frame.pair()
  const [before, between, after] = tokens
  const room = expectRoom(columns - before.length - between.length - after.length)
  const kept = cutLonger(first.length, second.length, room)
  const parts = [before, first.slice(0, kept[0]), between, second.slice(0, kept[1]), after]
  return {
    ids: parts.flat(),
    typeIds: parts.flatMap((part, at) => part.map(() => types[at] as number)),
    isCut: first.length + second.length > room,
  }
}

/** How many tokens stay of each when tokens are taken off the longer one, and off the second when they are alike. */
function cutLonger(first: number, second: number, room: number): readonly [number, number] {
  if (first + second <= room) return [first, second]
  const half = Math.floor(room / 2)
  if (first <= half) return [first, room - first]
  if (second <= half) return [room - second, second]
  return [room - half, half]
}

function expectRoom(room: number): number {
  if (room >= 1) return room
  throw new RangeError(
    `expected more tokens a row than the model puts around a text, got ${1 - room} too few`,
  )
}

function indexOf(ids: readonly number[], part: readonly number[], from: number): number {
  for (let at = from; at + part.length <= ids.length; at++)
    if (part.every((id, offset) => ids[at + offset] === id)) return at
  throw new RangeError(
    'the tokenizer expected to leave a text as it is between special tokens, got other tokens',
  )
}
