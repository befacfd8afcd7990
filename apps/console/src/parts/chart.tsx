import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { curveText, type LossCurve } from '../views/loss-curve.js'
import { scheme } from './scheme.js'

const HEIGHT = 250

/** The loss over the rounds, with a band from the best to the worst agent. */
export function LossChart({ curve }: { readonly curve: LossCurve }) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const isDark = scheme.value === 'dark'

  useEffect(() => {
    const { current } = place
    if (current === null) return
    const drawn = new uPlot(optionsOf(current, current.clientWidth), dataOf(curve), current)
    plot.current = drawn
    const watched = new ResizeObserver(() => drawn.setSize({ width: current.clientWidth, height: HEIGHT }))
    watched.observe(current)
    return () => {
      watched.disconnect()
      drawn.destroy()
      plot.current = null
    }
  }, [isDark])

  useEffect(() => plot.current?.setData(dataOf(curve)), [curve])

  return <div ref={place} class="chart" role="img" aria-label={curveText(curve)} />
}

const dataOf = ({ rounds, mean, released, low, high }: LossCurve): uPlot.AlignedData =>
  [rounds, low, high, mean, released].map((values) => [...values]) as unknown as uPlot.AlignedData

function optionsOf(place: HTMLElement, width: number): uPlot.Options {
  const colour = (name: string) => coloured(place, `var(--${name})`)
  const [accent, faint, line] = [colour('accent'), colour('ink-faint'), colour('line')]
  const clear = 'rgba(0,0,0,0)'
  const font = `11px ${getComputedStyle(place).fontFamily}`
  const axis = { stroke: faint, font, grid: { stroke: line, width: 1 }, ticks: { show: false } }
  return {
    width,
    height: HEIGHT,
    padding: [8, 12, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    legend: { show: false },
    scales: { x: { time: false, range: (_, least, most) => [least, Math.max(most, least + 1)] } },
    axes: [
      { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], size: 30 },
      { ...axis, size: 52, values: (_, splits) => splits.map((split) => split.toFixed(split < 10 ? 2 : 1)) },
    ],
    bands: [{ series: [2, 1], fill: coloured(place, 'color-mix(in srgb, var(--accent) 18%, transparent)') }],
    series: [
      {},
      { stroke: clear, points: { show: false }, spanGaps: true },
      { stroke: clear, points: { show: false }, spanGaps: true },
      { stroke: faint, width: 1.25, dash: [4, 4], points: { show: false }, spanGaps: true },
      { stroke: accent, width: 2, points: { show: true, size: 6, fill: accent }, spanGaps: true },
    ],
  }
}

/** A colour of the page as a canvas takes it: by now, for the scheme that is shown. */
function coloured(place: HTMLElement, value: string): string {
  const probe = document.createElement('i')
  probe.style.color = value
  place.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
