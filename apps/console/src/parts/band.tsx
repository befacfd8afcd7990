import type { Band } from '../views/metric-band.js'

const [WIDTH, HEIGHT] = [220, 26]

/** The interval of a metric, with a line where the two are alike and one where more is not tolerated. */
export function BandDrawing({
  band,
  tone,
  label,
}: {
  readonly band: Band
  readonly tone: string
  readonly label: string
}) {
  const x = (share: number) => share * WIDTH
  return (
    <svg class={`band ${tone}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <rect class="beyond" x={x(band.tolerated)} width={WIDTH - x(band.tolerated)} y="3" height="20" />
      <line class="zero" x1={x(band.zero)} x2={x(band.zero)} y1="3" y2="23" />
      <line class="bound" x1={x(band.tolerated)} x2={x(band.tolerated)} y1="1" y2="25" />
      <rect
        class="interval"
        x={x(band.low)}
        width={Math.max(2, x(band.high) - x(band.low))}
        y="10"
        height="6"
        rx="3"
      />
      {band.difference !== null && <Middle at={band.difference} />}
    </svg>
  )
}

/** Where the difference lies; beyond the drawing an arrow that points there. */
function Middle({ at }: { readonly at: number }) {
  if (at <= 0) return <path class="middle" d="M1 13 L9 8 V18 Z" />
  if (at >= 1) return <path class="middle" d={`M${WIDTH - 1} 13 L${WIDTH - 9} 8 V18 Z`} />
  return <circle class="middle" cx={at * WIDTH} cy="13" r="4.5" />
}
