import type { ComponentChildren } from 'preact'

export interface Figure {
  readonly name: string
  readonly value: ComponentChildren
  readonly note?: ComponentChildren
}

/** The few numbers that a page is about. */
export function Figures({ figures }: { readonly figures: readonly Figure[] }) {
  return (
    <dl class="figures">
      {figures.map(({ name, value, note }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            {note !== undefined && <span class="note">{note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** Names and what they are, a line each. */
export function Facts({
  facts,
}: {
  readonly facts: readonly { readonly name: string; readonly text: ComponentChildren }[]
}) {
  return (
    <dl class="facts">
      {facts.map(({ name, text }) => (
        <>
          <dt key={name}>{name}</dt>
          <dd>{text}</dd>
        </>
      ))}
    </dl>
  )
}
