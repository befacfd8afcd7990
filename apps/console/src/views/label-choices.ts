import type { AgentView } from '@lorica/protocol'

/** A label that agents have, with its values and how many agents have each. */
export interface LabelChoice {
  readonly label: string
  readonly values: readonly { readonly value: string; readonly agents: number }[]
}

const MOST_VALUES = 12 // of a label, beyond which it names agents rather than groups

/** The labels that tell agents apart, those with the fewest values first. */
export function labelChoices(agents: readonly AgentView[]): readonly LabelChoice[] {
  const counts = new Map<string, Map<string, number>>()
  for (const { labels, state } of agents) {
    if (state === 'left') continue
    for (const [label, value] of Object.entries(labels)) {
      const values = counts.get(label) ?? new Map<string, number>()
      counts.set(label, values.set(value, (values.get(value) ?? 0) + 1))
    }
  }
  return [...counts]
    .filter(([, values]) => values.size <= MOST_VALUES)
    .map(([label, values]) => ({
      label,
      values: [...values]
        .map(([value, number]) => ({ value, agents: number }))
        .toSorted((a, b) => (a.value < b.value ? -1 : 1)),
    }))
    .toSorted((a, b) => a.values.length - b.values.length || (a.label < b.label ? -1 : 1))
}
