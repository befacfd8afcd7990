import { expect, test } from 'vitest'
import { pageOf } from './pages.js'
import { linkTo, type Route, routeOf, sectionOf } from './route.js'
import { tokenIn } from './token.js'

test.each<[string, Route]>([
  ['', { page: 'runs' }],
  ['#/', { page: 'runs' }],
  ['#/runs', { page: 'runs' }],
  ['#/runs/new', { page: 'new-run' }],
  ['#/runs/tone-7', { page: 'run', id: 'tone-7' }],
  ['#/runs/tone-7/rounds/12', { page: 'round', id: 'tone-7', round: 12 }],
  ['#/fleet/h%C3%B4pital%201', { page: 'agent', id: 'hôpital 1' }],
  ['#/releases/v3', { page: 'release', id: 'v3' }],
  ['#/releases/compare/v3/v11', { page: 'compare', from: 'v3', to: 'v11' }],
  ['#/rollouts/new', { page: 'new-rollout', release: null }],
  ['#/rollouts/new/v3', { page: 'new-rollout', release: 'v3' }],
  ['#/rollouts/rollout-2', { page: 'rollout', id: 'rollout-2' }],
  ['#/privacy', { page: 'privacy' }],
  ['#/access', { page: 'access' }],
])('%s is a page', (fragment, route) => {
  expect(routeOf(fragment)).toEqual(route)
})

test.each([
  '#/nodes',
  '#/runs/a/b',
  '#/runs/a/rounds/0',
  '#/runs/a/rounds/2/x',
  '#/audit/3',
  '#/access/ada',
  '#/fleet/a/b',
])('%s is no page', (fragment) => {
  expect(routeOf(fragment)).toEqual({ page: 'nowhere' })
})

test('a link leads to the page that it was made for, whatever is in its names', () => {
  expect(routeOf(linkTo('fleet', 'a/b #%41'))).toEqual({ page: 'agent', id: 'a/b #%41' })
  expect(routeOf('#/fleet/%E0%A4%A')).toEqual({ page: 'agent', id: '%E0%A4%A' })
  expect(sectionOf(routeOf('#/runs/tone-7/rounds/2'))).toBe('runs')
  expect(sectionOf(routeOf('#/releases/compare/v1/v2'))).toBe('releases')
})

test('a token is found in a link that has one, and only there', () => {
  const token = 'oinVIaMvecLFcDoBsfB-TEksgA0A_qF-qKQZOTd131w'
  expect(tokenIn(` http://127.0.0.1:7411/#token=${token}\n`)).toBe(token)
  for (const text of [token, `http://127.0.0.1/#/runs/${token}`, '#token=short', `#token=${token}&x`])
    expect(tokenIn(text)).toBeUndefined()
})

test('a list is cut into pages, and past its end there is the last one', () => {
  const rows = Array.from({ length: 23 }, (_, index) => index + 1)
  expect(pageOf(rows, 1, 10)).toEqual({ rows: rows.slice(10, 20), page: 1, pages: 3, first: 11, last: 20 })
  expect(pageOf(rows, 9, 10)).toMatchObject({ rows: [21, 22, 23], page: 2, first: 21, last: 23 })
  expect(pageOf([], 2, 10)).toEqual({ rows: [], page: 0, pages: 1, first: 0, last: 0 })
})
