import { expect, test } from 'vitest'
import { type CsvRow, csvRows } from './csv.js'

async function rows(text: string, separator = ','): Promise<readonly CsvRow[]> {
  async function* lines() {
    for (const [at, line] of text.split('\n').entries()) yield { number: at + 1, text: line }
  }
  const all: CsvRow[] = []
  for await (const row of csvRows(lines(), separator)) all.push(row)
  return all
}

test('quoted cells hold commas, doubled quotes and line ends', async () => {
  expect(await rows('text,label\n"a, ""b""\n\nc",x\n\nplain,"y"\n')).toEqual([
    { line: 1, cells: ['text', 'label'] },
    { line: 2, cells: ['a, "b"\n\nc', 'x'] },
    { line: 6, cells: ['plain', 'y'] },
  ])
})

test('cells may be empty, and a quote inside a cell is a quote', async () => {
  expect((await rows(',"",5" pipe,')).map(({ cells }) => cells)).toEqual([['', '', '5" pipe', '']])
  expect((await rows('a\t"b\tc"', '\t')).map(({ cells }) => cells)).toEqual([['a', 'b\tc']])
})

test('quotes that do not end, or that text follows, are refused by their line', async () => {
  await expect(rows('a,b\nc,"d\ne')).rejects.toThrow('line 2: expected a closing quote')
  await expect(rows('a,b\nc,"d"e')).rejects.toThrow('line 2: expected "," after a closing quote, got "e"')
})
