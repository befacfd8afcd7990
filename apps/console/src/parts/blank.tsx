import type { ComponentChildren } from 'preact'

interface BlankProps {
  readonly title: string
  readonly isPage?: boolean // there is nothing else on the page
  readonly children: ComponentChildren
}

/** A place where nothing is yet: why, and what to do. */
export function Blank({ title, isPage = false, children }: BlankProps) {
  return (
    <div class="blank">
      {isPage ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  )
}
