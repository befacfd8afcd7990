import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { othersInPmon, othersInPs, othersShare, processTicks, systemTicks } from './load.js'
import { onBatteryIn, onBatteryOf, readCelsius, readPower } from './power.js'
import { systemSensors } from './sensors.js'

test('the load of others is the load of the machine less our own', () => {
  const before = systemTicks('cpu  100 20 50 800 30 2 3 5 0 0\ncpu0 1 2 3 4\n')
  const after = systemTicks('cpu  160 20 70 900 30 2 3 25 0 0\n')
  expect(before).toEqual({ total: 1010, idle: 830 })
  expect(after).toEqual({ total: 1210, idle: 930 })
  // 200 ticks passed, 100 of them busy, 60 of those were ours
  expect(othersShare({ ...before!, own: 7 }, { ...after!, own: 67 })).toBeCloseTo(0.2, 12)
  expect(othersShare({ ...before!, own: 7 }, { ...before!, own: 7 })).toBeNull()
  expect(systemTicks('intr 5')).toBeUndefined()
})

test('the time of a process is found behind a name with parentheses and spaces', () => {
  const stat = '4711 (node (a) b) S 1 2 3 4 5 6 7 8 9 10 250 75 0 0 20 0 11 0 33'
  expect(processTicks(stat)).toBe(325)
})

test('ps and pmon name the processes that are not ours', () => {
  const ps = '    1     0  12.5\n  500     1  80.0\n  501   500 150.0\n  900     1  30.0\n'
  expect(othersInPs(ps, 500, 4)).toBeCloseTo(0.425 / 4, 12)
  expect(othersInPs('', 500, 4)).toBeNull()
  const pmon = [
    '# gpu         pid   type     sm    mem    enc    dec    command',
    '# Idx           #    C/G      %      %      %      %    name',
    '    0       4242     C     55     10      -      -    python',
    '    0        501     C     40     10      -      -    node',
    '    1        777     G     30      1      -      -    Xorg',
    '    1          -     -      -      -      -      -    -',
  ].join('\n')
  expect(othersInPmon(pmon, new Set([500, 501]))).toBe(0.55)
  expect(othersInPmon('', new Set())).toBeNull()
})

test('a machine runs on battery when its own battery discharges and nothing feeds it', () => {
  const battery = { type: 'Battery', online: '', status: 'Discharging', scope: '' }
  const mouse = { ...battery, scope: 'Device' }
  const mains = { type: 'Mains', online: '1', status: '', scope: '' }
  expect(onBatteryOf([battery, { ...mains, online: '0' }])).toBe(true)
  expect(onBatteryOf([battery, mains])).toBe(false)
  expect(onBatteryOf([{ ...battery, status: 'Charging' }])).toBe(false)
  expect(onBatteryOf([mouse])).toBe(false)
  expect(onBatteryIn("Now drawing from 'Battery Power'\n -InternalBattery-0 81%")).toBe(true)
  expect(onBatteryIn("Now drawing from 'AC Power'")).toBe(false)
  expect(onBatteryIn('')).toBeNull()
})

test('supplies and temperatures are read from the folders of Linux', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lorica-sensors-'))
  const put = async (folder: string, fields: Record<string, string>) => {
    await mkdir(join(root, folder), { recursive: true })
    for (const [name, text] of Object.entries(fields)) await writeFile(join(root, folder, name), `${text}\n`)
  }
  await put('power/BAT0', { type: 'Battery', status: 'Discharging', capacity: '62' })
  await put('power/AC', { type: 'Mains', online: '0' })
  await put('thermal/thermal_zone0', { temp: '48500' })
  await put('thermal/thermal_zone3', { temp: '73250' })
  await put('thermal/cooling_device0', { temp: '99000' })
  expect(await readPower('linux', join(root, 'power'))).toBe(true)
  expect(await readPower('linux', join(root, 'none'))).toBeNull()
  expect(await readPower('win32', join(root, 'power'))).toBeNull()
  expect(await readCelsius('linux', join(root, 'thermal'))).toBe(73.25)
  expect(await readCelsius('linux', join(root, 'power'))).toBeNull()
  await rm(root, { recursive: true })
})

test('a platform that nothing is known of is told as such', async () => {
  const { othersLoad, isOnBattery } = await systemSensors('aix').read()
  expect([othersLoad, isOnBattery]).toEqual([null, null])
})

test.skipIf(process.platform !== 'linux')('this machine says how busy others are', async () => {
  const { othersLoad } = await systemSensors().read()
  expect(othersLoad).toBeGreaterThanOrEqual(0)
  expect(othersLoad).toBeLessThanOrEqual(1)
})
