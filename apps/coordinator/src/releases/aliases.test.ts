import { expect, test } from 'vitest'
import { type Aliases, aliasesAfter, expectAlias, releaseNamed } from './aliases.js'

const moved = (aliases: Aliases, alias: string, release: string | null): Aliases =>
  aliasesAfter(aliases, { type: 'alias-moved', alias, release })

test('an alias names one release at a time, until it is taken away', () => {
  const first = moved(moved(new Map(), 'champion', 'v3'), 'candidate', 'v5')
  const promoted = moved(first, 'champion', 'v5')
  expect([...promoted].toSorted()).toEqual([
    ['candidate', 'v5'],
    ['champion', 'v5'],
  ])
  expect(first.get('champion')).toBe('v3')
  expect([...moved(promoted, 'candidate', null).keys()]).toEqual(['champion'])
  expect([releaseNamed(promoted, 'champion'), releaseNamed(promoted, 'v2')]).toEqual(['v5', 'v2'])
})

test.each(['v1', 'v20', 'Champion', '', '9lives', 'a b', '--help', 'x'.repeat(65)])(
  '"%s" is no alias',
  (alias) => {
    expect(() => expectAlias(alias)).toThrow(expect.objectContaining({ code: 'LRC-3018' }))
  },
)

test.each(['champion', 'v1-pilot', 'ward.3', 'v'])('"%s" is one', (alias) => {
  expect(() => expectAlias(alias)).not.toThrow()
})
