import { expect, test } from 'vitest'
import { textStream } from './text-stream.js'

/** Tokens are the bytes of UTF-8. */
const decode = (ids: readonly number[]): string => new TextDecoder().decode(Uint8Array.from(ids))
const shownOf = (text: string, stops: readonly string[] = []) => {
  const stream = textStream(decode, stops)
  const parts = [...new TextEncoder().encode(text)].map((id) => stream.add(id))
  return { parts, end: stream.end(), text: stream.text, ended: stream.ended, tokens: stream.tokens }
}

test('half of a character is held back', () => {
  expect(shownOf('aé😀b').parts).toEqual(['a', '', 'é', '', '', '', '😀', 'b'])
})

test('the beginning of a stop text is held back, and shown when it goes on otherwise', () => {
  const { parts, text, ended } = shownOf('x\nUsed\nUser', ['\nUser'])
  expect(parts).toEqual(['x', '', '', '', '', '\nUsed', '', '', '', '', ''])
  expect({ text, ended }).toEqual({ text: 'x\nUsed', ended: true })
})

test('tokens after a stop text count for nothing', () => {
  expect(shownOf('one. two', ['. '])).toMatchObject({ text: 'one', end: '', tokens: 5, ended: true })
})

test('what was held back is shown at the end', () => {
  expect(shownOf('half\nUs', ['\nUser'])).toMatchObject({ end: '\nUs', text: 'half\nUs', ended: false })
})
