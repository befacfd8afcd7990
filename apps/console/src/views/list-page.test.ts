import { expect, test } from 'vitest'
import { fieldOfList, pagePath } from './list-page.js'

test('lists come in pages; what is one thing, or has a page of its own, does not', () => {
  expect(['/agents', '/runs', '/releases', '/rollouts', '/runs/tone-2/rounds'].map(fieldOfList)).toEqual([
    ...['agents', 'runs', 'releases', 'rollouts', 'rounds'],
  ])
  for (const path of ['/agents/rounds', '/runs/rounds', '/runs/tone-2/rounds/4', '/journal?lines=50'])
    expect(fieldOfList(path)).toBeUndefined()
  expect(pagePath('/agents', undefined)).toBe('/agents?limit=1000')
  expect(pagePath('/agents', 'a=b&c')).toBe('/agents?limit=1000&cursor=a%3Db%26c')
})
