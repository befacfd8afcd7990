import type { AgentView } from '@lorica/protocol'
import { useState } from 'preact/hooks'
import { labelChoices } from '../views/label-choices.js'
import { whereOf } from '../views/run-form.js'

interface RunLabelsProps {
  readonly agents: readonly AgentView[]
  readonly where: string
  readonly onWhere: (where: string) => void
}

/** Chooses agents by the labels that they have, and writes the condition. */
export function RunLabels({ agents, where, onWhere }: RunLabelsProps) {
  const [chosen, setChosen] = useState<Readonly<Record<string, readonly string[]>>>({})
  const choices = labelChoices(agents)
  if (choices.length === 0) return null
  const isOwn = where === whereOf(chosen) // not changed by hand since
  const toggle = (label: string, value: string) => {
    const before = isOwn ? (chosen[label] ?? []) : []
    const values = before.includes(value) ? before.filter((one) => one !== value) : [...before, value]
    const next = { ...(isOwn ? chosen : {}), [label]: values }
    setChosen(next)
    onWhere(whereOf(next))
  }
  return (
    <div class="stack tight">
      {choices.map(({ label, values }) => (
        <div key={label} class="row">
          <span class="small soft">{label}</span>
          {values.map(({ value, agents: number }) => (
            <button
              key={value}
              type="button"
              class="choice"
              aria-pressed={isOwn && (chosen[label]?.includes(value) ?? false)}
              onClick={() => toggle(label, value)}
            >
              {value} <span class="n">{number}</span>
            </button>
          ))}
        </div>
      ))}
    </div>
  )
}
