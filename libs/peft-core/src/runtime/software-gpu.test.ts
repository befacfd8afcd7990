import { expect, test } from 'vitest'
import { emulatorAmong } from './software-gpu.js'

const system = ['/usr/lib/libc.so.6', '/usr/lib/libvulkan.so.1']

test('a GPU is emulated when an emulator is loaded and no driver of a real one', () => {
  const lavapipe = '/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so'
  expect(emulatorAmong([...system, lavapipe])).toBe('libvulkan_lvp.so')
  expect(emulatorAmong(['C:\\Windows\\System32\\D3D10Warp.dll'])).toBe('D3D10Warp.dll')
  expect(emulatorAmong([...system, lavapipe, '/usr/lib/libvulkan_radeon.so'])).toBeUndefined()
  expect(emulatorAmong(system)).toBeUndefined()
})
