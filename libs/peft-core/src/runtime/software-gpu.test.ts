import { expect, test } from 'vitest'
import { emulatorAmong } from './software-gpu.js'

const system = ['/usr/lib/libc.so.6', '/usr/lib/libvulkan.so.1']
const lavapipe = '/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so'
const radeon = '/usr/lib/libvulkan_radeon.so'

test('a GPU is emulated when an emulator is loaded and no driver of a real one', () => {
  expect(emulatorAmong([...system, lavapipe], undefined)).toBe('libvulkan_lvp.so')
  expect(emulatorAmong(['C:\\Windows\\System32\\D3D10Warp.dll'], undefined)).toBe('D3D10Warp.dll')
  expect(emulatorAmong([...system, lavapipe, radeon], undefined)).toBeUndefined()
  expect(emulatorAmong(system, undefined)).toBeUndefined()
})

test('a driver that is loaded but holds no device open drives nothing', () => {
  const loaded = [...system, lavapipe, radeon]
  expect(emulatorAmong(loaded, ['/dev/null', 'pipe:[106341]'])).toBe('libvulkan_lvp.so')
  expect(emulatorAmong(loaded, ['/dev/null', '/dev/dri/renderD128'])).toBeUndefined()
  expect(emulatorAmong(loaded, ['/dev/nvidiactl', '/dev/nvidia0'])).toBeUndefined()
  expect(emulatorAmong(system, ['/dev/null'])).toBeUndefined()
})
