import { expect, test } from 'vitest'
import { expenseText } from './expense.js'

test.each([
  [{}, ''],
  [{ energy: { joules: 9000, estimatedShare: 0, updates: 3 } }, '2.50 Wh'],
  [{ energy: { joules: 9000, estimatedShare: 1, updates: 3 } }, '2.50 Wh estimated'],
  [{ energy: { joules: 7.2e6, estimatedShare: 0.25, updates: 3 } }, '2.00 kWh, 25 % of it estimated'],
  [
    {
      energy: { joules: 3600, estimatedShare: 0, updates: 2 },
      cost: { energy: 0.0003, traffic: 0.0421, currency: 'EUR' },
    },
    '1.00 Wh, 0.042 EUR',
  ],
  [{ cost: { energy: 1.5, traffic: 2.256, currency: 'CHF' } }, '3.76 CHF'],
])('%j reads as "%s"', (expense, text) => {
  expect(expenseText(expense)).toBe(text)
})
