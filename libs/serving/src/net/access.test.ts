import { expect, test } from 'vitest'
import { expectAccess, isLocalHost } from './access.js'

test('this machine is asked under names that nobody else can give it', () => {
  expect(
    ['localhost', 'localhost:8000', '127.0.0.1:80', '127.3.4.5', '[::1]:8000', '::1'].map(isLocalHost),
  ).not.toContain(false)
  expect(
    ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', '10.0.0.1', '0.0.0.0', ''].map(
      isLocalHost,
    ),
  ).not.toContain(true)
  const local = { isLocal: true }
  expect(() => expectAccess({ headers: { host: 'evil.example:8000' } }, local)).toThrow(
    'expected to be asked as localhost',
  )
  expect(() => expectAccess({ headers: { host: 'localhost:8000' } }, local)).not.toThrow()
})

test('a key that is needed has to be the right one', () => {
  const access = { isLocal: false, key: 'sesame' }
  const asking = (authorization?: string) => () =>
    expectAccess(
      { headers: { host: 'gpu-7', ...(authorization === undefined ? {} : { authorization }) } },
      access,
    )
  expect(asking()).toThrow('API key')
  expect(asking('Bearer sesam')).toThrow('API key')
  expect(asking('sesame')).toThrow('API key')
  expect(asking('Bearer sesame')).not.toThrow()
})
