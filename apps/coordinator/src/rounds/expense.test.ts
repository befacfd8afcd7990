import { expect, test } from 'vitest'
import { costOf, energyOf } from './expense.js'

test('the energy of a round is that of its updates, with the share that nothing measured', () => {
  const updates = [
    { energy: { joules: 1200, source: 'rapl+nvml' } },
    { energy: { joules: 300, source: 'estimated' } },
    {},
    { energy: { joules: 500, source: 'nvml' } },
  ] as const
  expect(energyOf(updates)).toEqual({ joules: 2000, estimatedShare: 0.15, updates: 3 })
  expect(energyOf([{}, {}])).toBeUndefined()
})

test('a round costs what its kilowatt hours and gigabytes do', () => {
  const prices = { kilowattHour: 0.3, gigabyte: 0.05, currency: 'EUR' }
  const energy = { joules: 7.2e6, estimatedShare: 0, updates: 4 } // two kilowatt hours
  const cost = costOf(energy, 3e9, prices)
  expect(cost.energy).toBeCloseTo(0.6, 12)
  expect(cost.traffic).toBeCloseTo(0.15, 12)
  expect(costOf(undefined, 0, prices)).toEqual({ energy: 0, traffic: 0, currency: 'EUR' })
})
