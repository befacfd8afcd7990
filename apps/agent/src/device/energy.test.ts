import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Counters, systemCounters, wattsIn } from './counters.js'
import { energyMeter, joulesBetween } from './energy.js'

const settled = () => new Promise((resolve) => setImmediate(resolve))

/** Counters that give one reading after the other, and the hand that moves their clock. */
function scripted(microjoules: readonly number[], watts: readonly number[]) {
  let index = -1
  let nowMs = 0
  let ring = () => {}
  const counters: Counters = {
    async packages() {
      index++
      const at = microjoules[index]
      return at === undefined ? [] : [{ name: 'intel-rapl:0', microjoules: at, range: 1_000_000_000 }]
    },
    gpuWatts: async () => watts[index] ?? null,
    gpuBytes: async () => null,
  }
  const clock = {
    monotonicMs: () => nowMs,
    every: (_: number, act: () => void) => {
      ring = act
      return () => {
        ring = () => {}
      }
    },
  }
  const pass = async (durationMs: number) => {
    await settled()
    nowMs += durationMs
    ring()
    await settled()
  }
  return { counters, clock, pass }
}

test.each([
  // 700 to 950 J, then the counter starts again: 50 J to 1000 J and 150 J; 150 W for 4 s, 250 W for 2 s
  ['both', [700e6, 950e6, 150e6], [100, 200, 300], { joules: 250 + 200 + 600 + 500, source: 'rapl+nvml' }],
  ['the processor', [700e6, 950e6, 150e6], [], { joules: 450, source: 'rapl' }],
  ['the GPU', [], [100, 200, 300], { joules: 1100, source: 'nvml' }],
  ['nothing', [], [], { joules: 3.5 * 4 * 8, source: 'estimated' }],
] as const)('energy of a machine that counts %s', async (_, microjoules, watts, expected) => {
  const { counters, clock, pass } = scripted(microjoules, watts)
  const reading = energyMeter({ counters, clock }, 4).begin()
  await pass(4000)
  const stopped = pass(2000) // it rings once more, then stops
  await settled()
  await stopped
  await reading.stop()
  expect(reading.taken(3.5)).toEqual(expected)
})

test('packages are summed, and one that came later counts from then on', () => {
  const at = (name: string, microjoules: number) => ({ name, microjoules, range: 1e9 })
  expect(joulesBetween([at('a', 3e6), at('b', 5e6)], [at('a', 4.5e6), at('b', 5.25e6)])).toBe(1.75)
  expect(joulesBetween([at('a', 3e6)], [at('a', 4e6), at('b', 9e6)])).toBe(1)
})

test('counters are those of packages, not of their parts; what cannot be read is not there', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lorica-rapl-'))
  const write = async (name: string, energy: string) => {
    await mkdir(join(root, name))
    await writeFile(join(root, name, 'energy_uj'), energy)
    await writeFile(join(root, name, 'max_energy_range_uj'), '262143328850\n')
  }
  await write('intel-rapl:0', '123456789\n')
  await write('intel-rapl:0:0', '999\n')
  await write('intel-rapl:1', 'no number\n')
  expect(await systemCounters(root).packages()).toEqual([
    { name: 'intel-rapl:0', microjoules: 123_456_789, range: 262_143_328_850 },
  ])
  expect(await systemCounters(join(root, 'none')).packages()).toEqual([])
  await rm(root, { recursive: true })
})

test.each([
  ['61.32\n', 61.32],
  ['61.50\n12.25\n', 73.75],
  ['', null],
  ['[N/A]\n', null],
  ['NVIDIA-SMI has failed', null],
])('what nvidia-smi prints of power: %j is %j', (text, watts) => {
  expect(wattsIn(text)).toBe(watts)
})
