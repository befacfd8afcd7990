import { createIdentity, createToken, type LoricaError, tokenSecretSha256 } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { createChallenges } from './challenges.js'
import { checkToken, expectSpare } from './tokens.js'

const { publicKey } = createIdentity()
const token = createToken(publicKey)
const open = { uses: null, name: null, needsApproval: false }
const known = [
  { ...open, secretSha256: tokenSecretSha256(createToken(publicKey))!, expiresAtMs: 9000 },
  { ...open, secretSha256: tokenSecretSha256(token)!, expiresAtMs: 5000 },
]

function codeOf(act: () => unknown): string {
  try {
    act()
    return 'passes'
  } catch (error) {
    return (error as LoricaError).code
  }
}

describe('checkToken', () => {
  test('a token is known by its secret until it expires', () => {
    expect(checkToken(token, known, 4999)).toBe(known[1])
    expect(codeOf(() => checkToken(token, known, 5000))).toBe('LRC-2003')
  })

  test('a token of nobody, and one that is no token, have codes of their own', () => {
    expect(codeOf(() => checkToken(createToken(publicKey), known, 100))).toBe('LRC-2002')
    expect(codeOf(() => checkToken(token.slice(1), known, 100))).toBe('LRC-2001')
    expect(codeOf(() => checkToken(token, [], 100))).toBe('LRC-2002')
  })
})

describe('expectSpare', () => {
  const invitation = { ...open, expiresAtMs: 9000 }

  test('a token lets in as many agents as it was made for', () => {
    expect(codeOf(() => expectSpare({ ...invitation, uses: 3 }, 2, 'oslo'))).toBe('passes')
    expect(codeOf(() => expectSpare({ ...invitation, uses: 3 }, 3, 'oslo'))).toBe('LRC-2012')
    expect(codeOf(() => expectSpare(invitation, 9999, 'oslo'))).toBe('passes')
  })

  test('a token for a name is for no other', () => {
    expect(codeOf(() => expectSpare({ ...invitation, name: 'oslo' }, 0, 'oslo'))).toBe('passes')
    expect(codeOf(() => expectSpare({ ...invitation, name: 'oslo' }, 0, 'Oslo'))).toBe('LRC-2014')
  })
})

describe('challenges', () => {
  test('a nonce is good once, for its key, for 30 seconds', () => {
    const challenges = createChallenges()
    challenges.issue('key-a', 'n1', 1000)
    expect(codeOf(() => challenges.redeem('key-b', 'n1', 1500))).toBe('LRC-2005')
    expect(codeOf(() => challenges.redeem('key-a', 'n1', 30_999))).toBe('passes')
    expect(codeOf(() => challenges.redeem('key-a', 'n1', 30_999))).toBe('LRC-2005')
    challenges.issue('key-a', 'n2', 1000)
    expect(codeOf(() => challenges.redeem('key-a', 'n2', 31_000))).toBe('LRC-2005')
  })

  test('the table is bounded: the oldest nonce gives way', () => {
    const challenges = createChallenges()
    for (let index = 0; index <= 1024; index++) challenges.issue('key-a', `n${index}`, 1000)
    expect(codeOf(() => challenges.redeem('key-a', 'n0', 1500))).toBe('LRC-2005')
    expect(codeOf(() => challenges.redeem('key-a', 'n1', 1500))).toBe('passes')
  })
})
