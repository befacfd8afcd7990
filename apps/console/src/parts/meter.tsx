import type { ComponentChildren } from 'preact'

interface MeterProps {
  readonly label: string // for those who do not see it
  readonly value: number | null // from 0 to 1; null: not known
  readonly kind?: 'going' | 'done' | 'bad'
  readonly children?: ComponentChildren // the same in words
}

/** How far something is. */
export function Meter({ label, value, kind = 'going', children }: MeterProps) {
  return (
    <div class={`meter ${kind}`}>
      <progress aria-label={label} max={1} value={value ?? 0} />
      <span class="of">{children}</span>
    </div>
  )
}
