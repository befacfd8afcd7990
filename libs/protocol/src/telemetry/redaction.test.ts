import { expect, test } from 'vitest'
import { createIdentity } from '../signing/identity.js'
import { createToken, joinLink } from '../signing/join-link.js'
import { withoutPaths, withoutSecrets } from './redaction.js'

test('no form of a join link, a token or a key stays in a text', () => {
  const { publicKey } = createIdentity()
  const token = createToken(publicKey)
  const root = { version: 12, fingerprint: 'r'.repeat(43) }
  for (const form of [
    joinLink('https://c:1', token, root),
    joinLink('https://c:1', token),
    token,
    publicKey,
  ]) {
    const shown = withoutSecrets(`before ${form} after`)
    expect(shown).toMatch(/^before (https:\/\/c:1#)?\[secret\] after$/)
  }
  const hash = 'ab'.repeat(32)
  expect(withoutSecrets(`sha256 ${hash}`)).toBe(`sha256 ${hash}`)
})

test.each([
  ['/home/ann/ward 7.jsonl: line 2', '[data 1]: line 2'],
  ['ENOENT: open "/srv/b/notes.txt"', 'ENOENT: open "[data 2]"'],
  ['notes.txt and mynotes.txt and notes.txt.bak', '[data 2] and mynotes.txt and [data 2].bak'],
  ['nothing of them', 'nothing of them'],
])('"%s" tells no private file: "%s"', (text, shown) => {
  expect(withoutPaths(text, ['/home/ann/ward 7.jsonl', '/srv/b/notes.txt'])).toBe(shown)
})
