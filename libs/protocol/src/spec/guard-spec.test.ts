import { expect, test } from 'vitest'
import { parseRunSpec } from './run-spec.js'

const run = {
  ...{ name: 'x', base: { model: 'm' }, data: { format: 'text', maxTokens: 32 } },
  ...{ local: { steps: 2, batch: 4, learningRate: 1e-3 }, rounds: { count: 1 } },
}

test.each([
  [{ metric: 'calibration', worseBy: '1%', confidence: '95%' }, 'evaluate.guards.0.confidence'],
  [{ metric: 'loss', worseBy: '1%', confidence: '40%' }, 'expected 50% to 99.99%, got 40%'],
  [{ metric: 'perplexity', worseBy: '1%' }, 'evaluate.guards.0.metric'],
])('a guard %j is refused', (guard, named) => {
  const spec = { ...run, evaluate: { guards: [guard] } }
  expect(() => parseRunSpec(spec)).toThrow(named)
})

test('where no site is to be seen, nothing but the mean loss of all is guarded', () => {
  const spec = {
    ...{ ...run, rounds: { count: 1, minimum: 3 } },
    ...{ aggregate: { strategy: 'ffa', trust: 'private' }, privacy: { clip: 1 } },
  }
  expect(parseRunSpec({ ...spec, evaluate: { guards: [{ metric: 'loss', worseBy: '1%' }] } }).name).toBe('x')
  expect(() =>
    parseRunSpec({ ...spec, evaluate: { guards: [{ metric: 'loss', worseBy: '1%', of: 'each' }] } }),
  ).toThrow('evaluate.guards loss of each')
})

test('a classifier of texts may be guarded on public texts, one of words may not', () => {
  const guards = [{ metric: 'out-of-distribution', worseBy: '10%' }]
  const specOf = (format: string) => ({
    ...{ ...run, data: { format, maxTokens: 32 } },
    evaluate: { guards, reference: ['a text of another kind'] },
  })
  expect(parseRunSpec(specOf('classification')).name).toBe('x')
  expect(() => parseRunSpec(specOf('tokens'))).toThrow('evaluate.guards out-of-distribution')
})
