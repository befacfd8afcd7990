import { expect, test } from 'vitest'
import { createCounter, createGauge, createHistogram } from './instruments.js'

test('a counter adds for each set of labels, and writes what Prometheus reads', () => {
  const counter = createCounter('asked_total', 'How many asked.')
  counter.add(2, { path: '/a' })
  counter.add(3, { path: '/a' })
  counter.add(1, { path: 'a "b"\\' })
  expect(counter.lines()).toEqual([
    '# HELP asked_total How many asked.',
    '# TYPE asked_total counter',
    'asked_total{path="/a"} 5',
    'asked_total{path="a \\"b\\"\\\\"} 1',
  ])
})

test('a histogram counts what is at most each bound', () => {
  const histogram = createHistogram('took_seconds', 'How long.', [0.5, 2])
  for (const value of [0.25, 0.5, 1.5, 4]) histogram.observe(value, { model: 'm' })
  expect(histogram.lines().slice(2)).toEqual([
    'took_seconds_bucket{model="m",le="0.5"} 2',
    'took_seconds_bucket{model="m",le="2"} 3',
    'took_seconds_bucket{model="m",le="+Inf"} 4',
    'took_seconds_sum{model="m"} 6.25',
    'took_seconds_count{model="m"} 4',
  ])
})

test('a gauge says what is so when it is read', () => {
  let open = 2
  const gauge = createGauge('open', 'Open now.', () => [[{}, open]])
  open = 7
  expect(gauge.lines().at(-1)).toBe('open 7')
})
