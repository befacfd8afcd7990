import { describe, expect, test } from 'vitest'
import { hasYieldLimits, type Reading, reasonToYield, type YieldLimits } from './yielding.js'

const free: Reading = { othersLoad: 0.1, othersGpuLoad: 0.02, isOnBattery: false, celsius: 71 }
const nothing: Reading = { othersLoad: null, othersGpuLoad: null, isOnBattery: null, celsius: null }
const all: YieldLimits = { idleOnly: true, onBattery: false, maxCelsius: 80 }

describe('reasonToYield', () => {
  test.each([
    [{ othersLoad: 0.26 }, 'other programs use 26 % of the processor'],
    [{ othersGpuLoad: 0.9 }, 'other programs use 90 % of the GPU'],
    [{ isOnBattery: true }, 'it runs on battery'],
    [{ celsius: 80.6 }, 'it is at 81 °C'],
    [{ othersLoad: 0.25, othersGpuLoad: 0.25, celsius: 80 }, undefined],
  ] as const)('%o gives %s', (change, reason) => {
    expect(reasonToYield(all, { ...free, ...change }, false)).toBe(reason)
  })

  test('what the policy does not mention does not matter', () => {
    const hot: Reading = { othersLoad: 0.9, othersGpuLoad: 0.9, isOnBattery: true, celsius: 99 }
    expect(reasonToYield({}, hot, false)).toBeUndefined()
    expect(reasonToYield({ idleOnly: false, onBattery: true }, hot, false)).toBeUndefined()
    expect([
      hasYieldLimits({}),
      hasYieldLimits({ onBattery: true }),
      hasYieldLimits({ onBattery: false }),
    ]).toEqual([...[false, false, true]])
  })

  test('it goes on a little below where it stopped', () => {
    expect(reasonToYield(all, { ...free, celsius: 77 }, true)).toBe('it is at 77 °C')
    expect(reasonToYield(all, { ...free, celsius: 74.9 }, true)).toBeUndefined()
    expect(reasonToYield(all, { ...free, othersLoad: 0.2 }, true)).toBe(
      'other programs use 20 % of the processor',
    )
  })

  test('what cannot be told limits only where the policy says so', () => {
    expect(reasonToYield(all, nothing, false)).toBeUndefined()
    expect(reasonToYield({ ...all, whenUnknown: 'yield' }, nothing, false)).toBe(
      'it cannot be told how busy it is',
    )
    expect(reasonToYield({ onBattery: false, whenUnknown: 'yield' }, nothing, false)).toMatch('battery')
    expect(reasonToYield({ maxCelsius: 80, whenUnknown: 'yield' }, nothing, false)).toMatch('how warm')
  })
})
