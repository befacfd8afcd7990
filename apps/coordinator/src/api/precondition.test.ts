import { expect, test } from 'vitest'
import { expectUnchanged } from './precondition.js'

test.each<[string, Record<string, string>, string | null, boolean]>([
  ['no header', {}, 'v3', true],
  ['what it is', { 'if-match': '"v3"' }, 'v3', true],
  ['what it was', { 'if-match': '"v2"' }, 'v3', false],
  ['one of several', { 'if-match': '"v2", "v3"' }, 'v3', true],
  ['a part of its tag', { 'if-match': '"v"' }, 'v3', false],
  ['anything, and there is', { 'if-match': '*' }, 'v3', true],
  ['anything, and there is none', { 'if-match': '*' }, null, false],
  ['what it was, and there is none', { 'if-match': '"v2"' }, null, false],
  ['nothing, and there is none', { 'if-none-match': '*' }, null, true],
  ['nothing, and there is', { 'if-none-match': '*' }, 'v3', false],
  ['another one', { 'if-none-match': '"v2"' }, 'v3', true],
])('a request that wants %s', (_, headers, state, passes) => {
  const act = () => expectUnchanged(headers, state)
  if (passes) act()
  else expect(act).toThrow(expect.objectContaining({ code: 'LRC-1015' }))
})
