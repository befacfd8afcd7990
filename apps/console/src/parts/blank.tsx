import type { ComponentChildren } from 'preact'

/** A place where nothing is yet: why, and what to do. */
export function Blank({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <div class="blank">
      <h2>{title}</h2>
      {children}
    </div>
  )
}
