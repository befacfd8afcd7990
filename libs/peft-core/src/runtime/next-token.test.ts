import { expect, test } from 'vitest'
import { windowColumns } from './next-token.js'

test('windows double up to what the model holds', () => {
  const columns = (limit?: number) => [1, 32, 33, 64, 65, 200].map((length) => windowColumns(length, limit))
  expect(columns()).toEqual([32, 32, 64, 64, 128, 256])
  expect(columns(200)).toEqual([32, 32, 64, 64, 128, 200])
})
