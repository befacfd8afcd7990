import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { combineShares, splitSecret } from './secret-shares.js'

test('any shares as many as the threshold give the secret back, one fewer does not', async () => {
  const secret = randomBytes(32)
  const shares = await splitSecret(secret, 7, 4)
  for (const [a, b, c, d] of [
    [0, 1, 2, 3],
    [6, 4, 2, 0],
    [3, 5, 6, 1],
  ] as const) {
    const some = [shares[a]!, shares[b]!, shares[c]!, shares[d]!]
    expect(Buffer.from(await combineShares(some, 4))).toEqual(secret)
    expect(Buffer.from(await combineShares(some.slice(1), 3))).not.toEqual(secret)
    await expect(combineShares(some.slice(1), 4)).rejects.toThrow(/at least 4, got 3/)
  }
})

test('a share less than the threshold fits every secret: one more share leads to any of the 256 bytes', async () => {
  const [first, second] = await splitSecret(new Uint8Array(32).fill(42), 2, 2)
  const place = second![32]!
  const secrets = new Set<number>()
  for (let y = 0; y < 256; y += 1) {
    const guess = new Uint8Array(33).fill(y).with(32, place)
    secrets.add((await combineShares([first!, guess], 2))[0]!)
  }
  expect(secrets.size).toBe(256)
})

test('shares computed by hand over the field of FIPS 197 give the secret', async () => {
  // f(x) = 0x2a + 0x03 x and 57 * 03 = f9 in FIPS 197, section 4.2: f(1) = 0x29, f(2) = 0x2c, f(0x57) = 0x2a ^ 0xf9 = 0xd3
  const share = (y: number, place: number) => new Uint8Array(33).fill(y).with(32, place)
  for (const pair of [
    [share(0x29, 1), share(0x2c, 2)],
    [share(0x2c, 2), share(0xd3, 0x57)],
  ])
    expect([...new Set(await combineShares(pair, 2))]).toEqual([0x2a])
})

test('numbers that cannot be shared, and shares that cannot be of one secret, are refused', async () => {
  const secret = randomBytes(32)
  await expect(splitSecret(secret, 5, 1)).rejects.toThrow(/threshold expected a whole number from 2 to 5/)
  await expect(splitSecret(secret, 5, 6)).rejects.toThrow(/threshold/)
  await expect(splitSecret(secret, 256, 6)).rejects.toThrow(/at most 255/)
  await expect(splitSecret(secret.subarray(4), 5, 3)).rejects.toThrow(/secret expected 32 bytes, got 28/)
  const [share, other] = await splitSecret(secret, 2, 2)
  await expect(combineShares([share!, share!], 2)).rejects.toThrow(/one twice/)
  await expect(combineShares([share!, other!.subarray(1)], 2)).rejects.toThrow(/33 bytes/)
})
