import type { ComponentChildren } from 'preact'

interface HeadProps {
  readonly title: string
  readonly beside?: ComponentChildren // the state
  readonly note?: ComponentChildren // what it is, and what to do next
  readonly from?: { readonly text: string; readonly href: string } // the page above
  readonly children?: ComponentChildren // what can be done
}

/** The top of a page. */
export function Head({ title, beside, note, from, children }: HeadProps) {
  return (
    <header class="head">
      <div>
        {from !== undefined && (
          <nav class="crumb" aria-label="Where this is">
            <a href={from.href}>{from.text}</a>
          </nav>
        )}
        <div class="title">
          <h1>{title}</h1>
          {beside}
        </div>
        {note !== undefined && <p>{note}</p>}
      </div>
      {children !== undefined && <div class="row">{children}</div>}
    </header>
  )
}
