import { serverDefaults } from '@lorica/peft-core'
import { parseRunSpec } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { optimizerIn } from './server-step.js'

const specOf = (optimizer: object) =>
  parseRunSpec({
    ...{ name: 'tone', base: { model: './base' }, data: { maxTokens: 128 } },
    ...{ local: { steps: 20, batch: 8, learningRate: 1e-3 }, rounds: { count: 10 } },
    aggregate: { optimizer },
  })

test.each([
  ['momentum', 'fedavgm'],
  ['adagrad', 'fedadagrad'],
  ['adam', 'fedadam'],
  ['yogi', 'fedyogi'],
] as const)('%s has the defaults of the library, and takes its own settings', (kind, name) => {
  expect(optimizerIn(specOf({ kind }))).toMatchObject({ optimizer: name, ...serverDefaults[name] })
  expect(optimizerIn(specOf({ kind, learningRate: 0.25 }))).toMatchObject({ learningRate: 0.25 })
  expect(() => specOf({ kind, decay: 0.5 })).toThrow('decay')
})
