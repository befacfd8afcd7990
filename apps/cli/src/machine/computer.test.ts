import { expect, test } from 'vitest'
import { inspectComputer, instructionsIn, nodeWarningOf } from './computer.js'

test('instruction sets are those that training uses', () => {
  const amd =
    'processor : 0\nflags\t\t: fpu sse4_2 avx2 fma avx512f avx512_vnni rdrand\n\nprocessor : 1\nflags : fpu\n'
  expect(instructionsIn(amd)).toEqual(['avx2', 'fma', 'avx512f', 'avx512_vnni'])
  expect(instructionsIn('Features\t: fp asimd evtstrm sve\n')).toEqual(['asimd', 'sve'])
  expect(instructionsIn('')).toEqual([])
})

test('a version of Node that is too old or not tested is named', () => {
  expect(['20.19.0', '22.3.1', '24.0.2'].map(nodeWarningOf)).toEqual([undefined, undefined, undefined])
  expect(nodeWarningOf('20.18.9')).toMatch(/20.19 or newer/)
  expect(nodeWarningOf('18.20.0')).toMatch(/20.19 or newer/)
  expect(nodeWarningOf('23.1.0')).toMatch(/tested on/)
})

test('the machine that runs this has a processor, memory and a disk', async () => {
  const { processor, memory, disk } = await inspectComputer()
  expect(processor.threads).toBeGreaterThan(0)
  expect(memory.freeBytes).toBeLessThan(memory.totalBytes)
  expect(disk?.freeBytes).toBeGreaterThan(0)
})
