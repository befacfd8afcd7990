import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createStopText } from './stop-text.js'
import { createTokenText } from './token-text.js'

const decoder = new TextDecoder()
/** A tokenizer of bytes, as byte-level ones fall back to. */
const bytesText = (ids: readonly number[]): string => decoder.decode(Uint8Array.from(ids))
/** One that writes a first word without the space before it. */
const words = ['▁the', '▁whale', '▁swims', 's', '.']
const wordsText = (ids: readonly number[]): string =>
  ids
    .map((id) => words[id])
    .join('')
    .replaceAll('▁', ' ')
    .replace(/^ /, '')

describe('the text of tokens that come one at a time', () => {
  it('shows whole characters, and all of them', () => {
    const text = createTokenText(bytesText)
    const shown = [...Buffer.from('é, 🐋!')].map((id) => text.add(id))
    expect(shown).toEqual(['', 'é', ',', ' ', '', '', '', '🐋', '!'])
    expect(text.add(0xf0) + text.end()).toBe('\uFFFD')
  })

  it('is the whole text cut in pieces, wherever the bytes are cut', () => {
    const whole = fc.string({ unit: 'grapheme', maxLength: 60 })
    fc.assert(
      fc.property(whole, (given) => {
        const text = createTokenText(bytesText)
        const pieces = [...Buffer.from(given)].map((id) => text.add(id))
        expect(pieces.join('') + text.end()).toBe(bytesText([...Buffer.from(given)]))
      }),
    )
  })

  it('keeps the space of the first word after a prompt', () => {
    expect(createTokenText(wordsText).add(1)).toBe('whale')
    const after = createTokenText(wordsText, [0])
    expect([1, 2, 3, 4].map((id) => after.add(id))).toEqual([' whale', ' swims', 's', '.'])
  })
})

describe('a text with stop texts', () => {
  const shown = (stops: readonly string[], pieces: readonly string[]) => {
    const text = createStopText(stops)
    return { pieces: [...pieces.map((piece) => text.add(piece)), text.end()], isStopped: text.isStopped }
  }
  it('ends before the first of them, also when it comes in pieces', () => {
    expect(shown(['END', 'no'], ['all E', 'N', 'D of it no'])).toEqual({
      pieces: ['all ', '', '', ''],
      isStopped: true,
    })
    expect(shown(['END', 'no'], ['all no END'])).toEqual({ pieces: ['all ', ''], isStopped: true })
  })
  it('gives what only began like one', () => {
    expect(shown(['aab'], ['xa', 'a', 'a', 'c', 'a'])).toEqual({
      pieces: ['x', '', 'a', 'aac', '', 'a'],
      isStopped: false,
    })
  })
  it('is the part before the earliest stop, however it is cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 30 })
    fc.assert(
      fc.property(text, fc.array(fc.nat(30), { maxLength: 8 }), (given, cuts) => {
        const ends = [...new Set([...cuts.filter((at) => at < given.length), given.length])].sort(
          (a, b) => a - b,
        )
        const pieces = ends.map((end, at) => given.slice(ends[at - 1] ?? 0, end))
        const at = Math.min(
          ...['abba', 'bab'].map((stop) => (given.includes(stop) ? given.indexOf(stop) : given.length)),
        )
        expect(shown(['abba', 'bab'], pieces).pieces.join('')).toBe(given.slice(0, at))
      }),
    )
  })
})
