import type { ComponentChildren } from 'preact'

interface PanelProps {
  readonly title: string
  readonly note?: ComponentChildren
  readonly isBare?: boolean // what is in it reaches its edges, as a table does
  readonly children: ComponentChildren
}

/** A titled part of a page. */
export function Panel({ title, note, isBare = false, children }: PanelProps) {
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {note !== undefined && <p>{note}</p>}
      </header>
      {isBare ? children : <div class="body">{children}</div>}
    </section>
  )
}
