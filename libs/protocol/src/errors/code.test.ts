import { describe, expect, test } from 'vitest'
import { codes, explain, isErrorCode } from './code.js'
import { LoricaError } from './lorica-error.js'
import { errorOf, refusalOf } from './refusal.js'

describe('codes', () => {
  test('every code has a title, a meaning and something to do', () => {
    for (const [code, page] of Object.entries(codes)) {
      expect(code).toMatch(/^LRC-[1-9]\d{3}$/)
      expect(page.title.length).toBeGreaterThan(5)
      expect(page.meaning).toMatch(/\.$/)
      expect(page.action).toMatch(/\.$/)
    }
  })

  test('explain takes a code as people type it', () => {
    for (const text of ['LRC-4004', 'lrc-4004', ' 4004 '])
      expect(explain(text)?.title).toBe('Chunk has the wrong offset')
    expect(explain('LRC-0000')).toBeUndefined()
    expect(isErrorCode('constructor')).toBe(false)
  })
})

describe('refusalOf', () => {
  test('a refusal arrives as the error that was thrown', () => {
    const error = new LoricaError('LRC-4009', 'a.lora_A expected [8, 768]', {
      expected: '[8, 768]',
      received: '[16, 768]',
    })
    const arrived = errorOf(refusalOf(error))
    expect([arrived.code, arrived.message, arrived.expected, arrived.received, arrived.action]).toEqual([
      'LRC-4009',
      'a.lora_A expected [8, 768]',
      '[8, 768]',
      '[16, 768]',
      error.action,
    ])
  })

  test('a fault of ours tells the other side nothing', () => {
    const refusal = refusalOf(new Error('ENOENT /home/secret'))
    expect(refusal.code).toBe('LRC-9001')
    expect(JSON.stringify(refusal)).not.toContain('secret')
  })

  test('a code of a newer version stays readable', () => {
    expect(errorOf({ code: 'LRC-1999', message: 'new trouble' }).message).toBe('new trouble (LRC-1999)')
  })
})
