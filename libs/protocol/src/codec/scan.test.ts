import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { LoricaError } from '../errors/lorica-error.js'
import { decodeFrame } from './frame.js'
import { decodePacket } from './packet.js'
import { scanFrame } from './scan.js'

const packr = new Packr({ useRecords: false, variableMapSize: true })

function codeOf(bytes: Uint8Array): string {
  try {
    scanFrame(bytes)
    return 'passes'
  } catch (error) {
    return error instanceof LoricaError ? error.code : `threw ${String(error)}`
  }
}

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

/** Milliseconds of the fastest of five calls: what the work costs, not what the machine was doing. */
function cost(act: () => void): number {
  const times = Array.from({ length: 5 }, () => {
    const startMs = performance.now()
    act()
    return performance.now() - startMs
  })
  return Math.min(...times)
}

describe('scanFrame', () => {
  test.each([
    ['a map of text to a list', '81 a1 61 93 01 02 03'],
    ['nil, booleans and a negative number', '94 c0 c2 c3 e0'],
    ['bytes with 8, 16 and 32 bit lengths', '93 c4 02 aa bb c5 0001 aa c6 00000001 aa'],
    ['text with 8, 16 and 32 bit lengths', '93 d9 02 6162 da 0001 61 db 00000001 61'],
    [
      'numbers of every width',
      '9a cc 01 cd 0001 ce 00000001 cf 0000000000000001 d0 01 d1 0001 d2 00000001 d3 0000000000000001 ca 00000000 cb 0000000000000000',
    ],
    ['16 and 32 bit lists and maps', '94 dc 0001 07 dd 00000001 07 de 0001 a1 61 07 df 00000001 a1 61 07'],
    ['empty containers', '92 90 80'],
  ])('%s passes', (_, text) => {
    expect(codeOf(hex(text))).toBe('passes')
  })

  test.each([
    ['an empty frame', '', 'LRC-1001'],
    ['a list that ends early', '92 a1 61', 'LRC-1001'],
    ['a list longer than the frame', '93 01 02', 'LRC-1003'],
    ['text that ends early', 'a5 6162', 'LRC-1001'],
    ['a length that ends early', 'c5 00', 'LRC-1001'],
    ['a number that ends early', 'cb 0000', 'LRC-1001'],
    ['a byte after the value', '01 02', 'LRC-1001'],
    ['a list of 2^32-1', 'dd ffffffff 00', 'LRC-1003'],
    ['a map of 2^32-1', 'df ffffffff a1 61 00', 'LRC-1003'],
    ['a key that is a number', '81 01 02', 'LRC-1005'],
    ['a key that is bytes', '81 c4 01 61 02', 'LRC-1005'],
    ['the key __proto__', '81 a9 5f5f70726f746f5f5f 80', 'LRC-1005'],
    ['the reserved byte c1', 'c1', 'LRC-1005'],
  ])('%s is refused', (_, text, code) => {
    expect(codeOf(hex(text))).toBe(code)
  })

  test('every extension type is refused in every form', () => {
    for (let type = 0; type < 256; type++) {
      const kind = type.toString(16).padStart(2, '0')
      for (const form of [
        `d4 ${kind} 00`,
        `d5 ${kind} 0000`,
        `d6 ${kind} 00000000`,
        `d7 ${kind} ${'00'.repeat(8)}`,
        `d8 ${kind} ${'00'.repeat(16)}`,
        `c7 01 ${kind} 00`,
        `c8 0001 ${kind} 00`,
        `c9 00000001 ${kind} 00`,
      ]) {
        expect(codeOf(hex(form))).toBe('LRC-1005')
      }
    }
  })

  test('13 levels are refused and 12 pass', () => {
    const nested = (levels: number) => Buffer.concat([Buffer.alloc(levels, 0x91), hex('07')])
    expect(codeOf(nested(12))).toBe('passes')
    expect(codeOf(nested(13))).toBe('LRC-1004')
  })

  test('4,001 values are refused and 4,000 pass', () => {
    const list = (values: number) =>
      Buffer.concat([hex(`dc ${values.toString(16).padStart(4, '0')}`), Buffer.alloc(values, 7)])
    expect(codeOf(list(3999))).toBe('passes')
    expect(codeOf(list(4000))).toBe('LRC-1003')
  })

  test('bombs of half a megabyte are refused in under 5 ms', () => {
    const maps = Buffer.concat([hex('dd 0007a000'), Buffer.alloc(500_000, 0x80)])
    const deep = Buffer.alloc(500_000, 0x91)
    const wide = Buffer.concat([hex('df 00030d40'), Buffer.alloc(500_000, 0xa0)])
    for (const bomb of [maps, deep, wide]) {
      expect(codeOf(bomb)).toMatch(/LRC-100[34]/)
      expect(cost(() => codeOf(bomb))).toBeLessThan(5)
    }
    expect(codeOf(Buffer.alloc(600_000))).toBe('LRC-1002')
  })

  test('random bytes pass or throw a coded error, and what passes decodes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const code = codeOf(bytes)
        expect(code).toMatch(/^(passes|LRC-100[1-5])$/)
        if (code === 'passes') expect(() => decodeFrame(bytes)).not.toThrow()
      }),
      { numRuns: 3000 },
    )
  })

  test('damaged messages pass or throw a coded error, whatever the damage', () => {
    const message = fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 })
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(message, damage, fc.nat(), (value, changes, cut) => {
        const bytes = Buffer.from(packr.pack([2, '/', 5, ['hello', value]]))
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        try {
          decodePacket(bytes.subarray(0, 1 + (cut % bytes.length)))
        } catch (error) {
          expect(error).toBeInstanceOf(LoricaError)
          expect((error as LoricaError).code).toMatch(/^LRC-100[1-6]$/)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
