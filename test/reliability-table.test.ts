import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = new URL('../', import.meta.url)
const STATES = ['holds', 'partly', 'not yet', 'later'] as const
const ROWS = 58

describe('the table of RELIABILITY.md', () => {
  const rows = rowsOf(readFileSync(new URL('RELIABILITY.md', root), 'utf8'))

  test('has every row once, in order, with a state', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: ROWS }, (_, index) => index + 1))
    for (const { number, state } of rows)
      expect([number, STATES.includes(state as 'holds')]).toEqual([number, true])
  })

  test('names a test for whatever holds', () => {
    for (const { number, state, proofs } of rows)
      if (state === 'holds') expect([number, proofs.length]).not.toEqual([number, 0])
  })

  test('names files and titles that exist', () => {
    expect(
      rows.flatMap(({ number, proofs }) => proofs.flatMap((proof) => problemsOf(number, proof))),
    ).toEqual([])
  })

  test('would not pass with a title or a file that does not exist', () => {
    const [row] = rowsOf(
      '| 3 | a | b | `test/killed.test.ts` "no such title"; `test/no.test.ts` "x" | holds |',
    )
    expect(row?.proofs.flatMap((proof) => problemsOf(3, proof))).toEqual([
      'row 3: test/killed.test.ts has no test "no such title"',
      'row 3: test/no.test.ts does not exist',
    ])
  })
})

interface Proof {
  readonly file: string
  readonly titles: readonly string[] // or parts of them
}

interface Row {
  readonly number: number
  readonly proofs: readonly Proof[]
  readonly state: string
}

function rowsOf(text: string): readonly Row[] {
  return text.split('\n').flatMap((line) => {
    const [, number = '', , , proofs = '', state = ''] = line.split('|').map((cell) => cell.trim())
    return /^\d+$/.test(number) ? [{ number: Number(number), proofs: proofsOf(proofs), state }] : []
  })
}

function proofsOf(cell: string): readonly Proof[] {
  return cell.split('; `').flatMap((part) => {
    const [file = '', rest = ''] = part.replace(/^`/, '').split('` ')
    const titles = [...rest.matchAll(/"([^"]+)"/g)].map(([, title]) => title as string)
    return file.endsWith('.test.ts') ? [{ file, titles }] : []
  })
}

function problemsOf(number: number, { file, titles }: Proof): readonly string[] {
  const path = fileURLToPath(new URL(file, root))
  if (!existsSync(path)) return [`row ${number}: ${file} does not exist`]
  const text = readFileSync(path, 'utf8')
  if (titles.length === 0) return [`row ${number}: ${file} without a title`]
  return titles
    .filter((title) => !text.includes(title))
    .map((title) => `row ${number}: ${file} has no test "${title}"`)
}
