import { expect, test } from 'vitest'
import { expenseOf } from './expense.js'

test('what rounds took is added up, and what no counter measured is said', () => {
  expect(
    expenseOf([
      {
        energy: { joules: 5400, estimatedShare: 0, updates: 3 },
        cost: { energy: 0.4, traffic: 0.25, currency: 'EUR' },
      },
      {
        energy: { joules: 1800, estimatedShare: 1, updates: 2 },
        cost: { energy: 0.1, traffic: 0.5, currency: 'EUR' },
      },
      {},
    ]),
  ).toEqual({ energy: '2.00 Wh', note: '25 % of it estimated, 1.25 EUR' })
  expect(expenseOf([{ energy: { joules: 9e6, estimatedShare: 0, updates: 4 } }])).toEqual({
    energy: '2.50 kWh',
    note: 'measured',
  })
  expect(expenseOf([{}, {}])).toBeNull()
})
