import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Facts, parseSelection, type Selection, textOf, unmet } from './selection.js'

const oslo: Facts = {
  name: 'oslo-2',
  device: 'cuda',
  threads: 8,
  memoryGiB: 31.3,
  'gpu.name': 'NVIDIA A10',
  'gpu.vramGiB': 22.5,
  'label.site': 'oslo',
}

const selects = (text: string, facts: Facts = oslo): boolean =>
  unmet(parseSelection(text), facts) === undefined

describe('selection', () => {
  test.each([
    ['gpu.vramGiB >= 8 and label.site in (oslo, turin)', true],
    ['gpu.vramGiB >= 22.6 and label.site in (oslo, turin)', false],
    ['label.site = turin or device == cuda', true],
    ['label.site == turin or device == cpu and threads > 2', false],
    ['(label.site == oslo or device == cpu) and threads > 8', false],
    ['not label.site == turin', true],
    ['not (label.site == oslo and threads < 9)', false],
    ['label.site not in (turin, "new york")', true],
    ["gpu.name == 'NVIDIA A10'", true],
    ['name != oslo-2', false],
    ['threads <= 8 and threads >= 8', true],
    ['threads < 8', false],
    ['threads > 8', false],
    ['threads < 8.5 and threads > 7.5', true],
  ])('%s: %s', (text, expected) => {
    expect(selects(text)).toBe(expected)
  })

  test.each([
    ['label.at == 0', ['0', '00', '0.0', '-0'], ['', 'O', '1', '0x0', '0e3', ' 0', '.0', '0.', '+0']],
    ['label.at != 0', ['1', 'oslo', '0x0'], ['0', '00']],
    ['label.at == 1000', ['1000', '01000', '1000.00'], ['1e3', '1,000']],
    ['label.at == 1e3', ['1e3'], ['1000', '1E3']],
    ['label.at == 1.0', ['1.0', '1', '01'], ['1.01', 'v1.0']],
    ['label.at == "1.0"', ['1.0'], ['1', '01.0']],
    ["label.at == '0'", ['0'], ['00', '0.0']],
    ['label.at == -3', ['-3', '-3.0', '-03'], ['3', '--3']],
    ['label.at in (0, 2.5, oslo)', ['00', '2.50', 'oslo'], ['2', 'Oslo']],
    ['label.at >= 2', ['2', '10', '2.5'], ['1.9', '-10', 'two', '1e3']],
    ['label.at < 0', ['-1', '-0.5'], ['0', 'a', '-']],
    ['label.at == 9007199254740993', ['9007199254740993'], ['9007199254740992']],
    ['label.at == 12', ['12'], ['12.0000000000000000001']],
  ])('a label beside a number counts as the number that it spells: %s', (text, meets, fails) => {
    for (const at of meets) expect([at, selects(text, { 'label.at': at })]).toEqual([at, true])
    for (const at of fails) expect([at, selects(text, { 'label.at': at })]).toEqual([at, false])
  })

  test('a number that is quoted is compared as it is written', () => {
    expect(selects('threads == "8"')).toBe(true)
    expect(selects('threads == "8.0"')).toBe(false)
    expect(unmet(parseSelection('label.at in ("0", \'a b\', x)'), { 'label.at': '00' })).toBe(
      'label.at is 00, needed: in ("0", "a b", x)',
    )
  })

  test('what is not known is equal to nothing, and has no order', () => {
    expect(selects('label.team != red')).toBe(true)
    expect(selects('label.team == red')).toBe(false)
    expect(selects('gpu.vramGiB >= 0', {})).toBe(false)
    expect(selects('label.site > 3')).toBe(false)
  })

  test('the reason names what is known and what was needed', () => {
    const why = (text: string, facts = oslo) => unmet(parseSelection(text), facts)
    expect(why('threads > 2 and gpu.vramGiB >= 40')).toBe('gpu.vramGiB is 22.5, needed: >= 40')
    expect(why('label.site in (turin, bern)')).toBe('label.site is oslo, needed: in (turin, bern)')
    expect(why('label.team == red or threads > 9')).toBe(
      'label.team is not known, needed: == red, and threads is 8, needed: > 9',
    )
    expect(why('not label.site == oslo')).toBe('excluded by not (label.site == oslo)')
  })

  test.each([
    ['gpu.vram >= 8', '"gpu.vram" is nothing that is known of agents'],
    ['label.Site == a', '"label.Site" is nothing'],
    ['threads >=', 'expected a word or a number, got the end'],
    ['threads 8', 'expected a comparison such as == or >=, or "in", got "8"'],
    ['threads > 8 label.site == a', 'expected "and", "or" or the end, got "label.site"'],
    ['(threads > 8', 'expected ")", got the end'],
    ['label.site in oslo', 'expected "(", got "oslo"'],
    ['label.site not oslo', 'expected "in", got "oslo"'],
    ['', 'expected a name such as label.site, got the end'],
    ['threads > 8 ; drop', 'unexpected "; drop" after 11 characters'],
    ['not '.repeat(30), 'at most 20 conditions inside one another'],
    ['threads > 8 and '.repeat(80), 'at most 1000 characters'],
  ])('%s is refused: %s', (text, message) => {
    expect(() => parseSelection(text)).toThrow(message)
  })

  const value = fc.oneof(
    fc.constantFrom('oslo', 'turin', 'b-2', '0', '1.0', 'new york', 'a"b', "a'b"),
    fc.integer({ min: -9, max: 99 }),
    fc.constant(2.25),
  )
  const fact = fc.constantFrom('name', 'threads', 'label.site', 'gpu.vramGiB')
  const { selection } = fc.letrec<{ selection: Selection; leaf: Selection }>((tie) => ({
    leaf: fc.oneof(
      fc.record({
        kind: fc.constant('compare' as const),
        ...{ fact, comparison: fc.constantFrom('==', '!=', '<', '<=', '>', '>=' as const), value },
      }),
      fc.record({
        kind: fc.constant('in' as const),
        fact,
        values: fc.array(value, { minLength: 1, maxLength: 3 }),
      }),
    ) as fc.Arbitrary<Selection>,
    selection: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      tie('leaf'),
      fc.record({ kind: fc.constant('not' as const), of: tie('selection') }),
      fc.record({
        kind: fc.constantFrom('and', 'or' as const),
        parts: fc.array(tie('selection'), { minLength: 2, maxLength: 3 }),
      }),
    ) as fc.Arbitrary<Selection>,
  }))

  test('a condition that is written out reads back as itself', () => {
    fc.assert(
      fc.property(selection, (one) => {
        const text = textOf(one)
        fc.pre(text.length <= 1000)
        expect(textOf(parseSelection(text))).toBe(text)
      }),
    )
  })

  test('a condition and its opposite never select the same agent', () => {
    const facts = fc.record({ name: value, threads: value, 'label.site': value }, { requiredKeys: [] })
    fc.assert(
      fc.property(selection, facts, (one, known) => {
        const opposite = unmet({ kind: 'not', of: one }, known)
        expect(opposite === undefined).toBe(unmet(one, known) !== undefined)
      }),
    )
  })
})
