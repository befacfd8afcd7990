/**
 * Counters, gauges and histograms, written as Prometheus reads them.
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/
 * @module
 */

export type Labels = Readonly<Record<string, string>>

export interface Instrument {
  /** Its lines, with those that say what it is. */
  lines(): readonly string[]
}

export interface Counter extends Instrument {
  add(amount: number, labels?: Labels): void
}

export interface Histogram extends Instrument {
  observe(value: number, labels?: Labels): void
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

const labelled = (name: string, labels: Labels): string => {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`)
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`
}

const heading = (name: string, kind: string, help: string): readonly string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${kind}`,
]

/** Counts up. The caller keeps the number of labels small. */
export function createCounter(name: string, help: string): Counter {
  const sums = new Map<string, number>()
  return {
    add(amount, labels = {}) {
      const key = labelled(name, labels)
      sums.set(key, (sums.get(key) ?? 0) + amount)
    },
    lines: () => [...heading(name, 'counter', help), ...[...sums].map(([key, sum]) => `${key} ${sum}`)],
  }
}

/** What is so at the moment it is read. */
export function createGauge(
  name: string,
  help: string,
  read: () => readonly (readonly [Labels, number])[],
): Instrument {
  return {
    lines: () => [
      ...heading(name, 'gauge', help),
      ...read().map(([labels, value]) => `${labelled(name, labels)} ${value}`),
    ],
  }
}

/** How often values were at most each of the bounds, which ascend. */
export function createHistogram(name: string, help: string, bounds: readonly number[]): Histogram {
  const series = new Map<
    string,
    { readonly labels: Labels; readonly counts: number[]; sum: number; count: number }
  >()
  return {
    observe(value, labels = {}) {
      const key = labelled(name, labels)
      const one = series.get(key) ?? { labels, counts: bounds.map(() => 0), sum: 0, count: 0 }
      for (const [at, bound] of bounds.entries())
        if (value <= bound) one.counts[at] = (one.counts[at] ?? 0) + 1
      one.sum += value
      one.count++
      series.set(key, one)
    },
    lines: () => [
      ...heading(name, 'histogram', help),
      ...[...series.values()].flatMap(({ labels, counts, sum, count }) => [
        ...bounds.map(
          (bound, at) => `${labelled(`${name}_bucket`, { ...labels, le: String(bound) })} ${counts[at]}`,
        ),
        `${labelled(`${name}_bucket`, { ...labels, le: '+Inf' })} ${count}`,
        `${labelled(`${name}_sum`, labels)} ${sum}`,
        `${labelled(`${name}_count`, labels)} ${count}`,
      ]),
    ],
  }
}
