import { epsilonOf, noiseFor } from '@lorica/privacy'
import { expect, test } from 'vitest'
import { tryLorica } from './support/service.js'

const epsilon = ['privacy', 'epsilon', '--noise-multiplier', '1.3', '--steps', '60', '--delta', '1e-6']
const document = async (...args: readonly string[]) =>
  JSON.parse((await tryLorica([...args, '--json'])).stdout) as unknown

test('the command gives the epsilon of the library, whose bound it is, and the order', async () => {
  const phase = { noiseMultiplier: 1.3, samplingRate: 0.05, sampling: 'poisson', steps: 60 } as const
  const sampled = [...epsilon, '--sampling-rate', '0.05']
  expect(await document(...sampled)).toEqual(epsilonOf([phase], 1e-6))
  expect(await document(...sampled, '--accountant', 'rdp')).toEqual(epsilonOf([phase], 1e-6, 'rdp'))
})

test('cohorts that no coin chose get no amplification', async () => {
  const whole = await document(...epsilon)
  expect(whole).toMatchObject({ accountant: 'gaussian', order: null })
  expect(await document(...epsilon, '--sampling-rate', '0.05', '--sampling', 'none')).toEqual(whole)
})

test('noise for a promise is found, and the promise is put in words', async () => {
  const steps = ['--sampling-rate', '0.1', '--steps', '20', '--delta', '1e-5']
  const found = noiseFor(2, 1e-5, [{ samplingRate: 0.1, sampling: 'poisson', steps: 20 }])
  expect(await document('privacy', 'noise', '--epsilon', '2', ...steps)).toEqual(found)
  const { stdout } = await tryLorica(['privacy', 'noise', '--epsilon', '2', ...steps])
  expect(stdout).toContain('change by a factor of at most 7.38906, but for a chance of 0.00001.')
})

test.each([
  ['--noise-multiplier', 'NaN', 'expected a number above 0'],
  ['--noise-multiplier', '1e-7', 'noiseMultiplier expected a number above 0, from 0.001'],
  ['--delta', '1', 'expected a number above 0 and below 1'],
  ['--sampling', 'shuffled', 'Allowed choices are poisson, none'],
])('%s %s is refused with a code', async (option, value, message) => {
  const { stdout, status } = await tryLorica([...epsilon, option, value, '--json'])
  expect(JSON.parse(stdout)).toMatchObject({
    error: { code: 'LRC-8001', message: expect.stringContaining(message) },
  })
  expect(status).toBe(2)
})
