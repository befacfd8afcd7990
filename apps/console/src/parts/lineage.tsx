import { useEffect, useRef } from 'preact/hooks'
import type { Lineage, Node } from '../views/lineage.js'
import { linkTo } from '../views/route.js'

const [STEP, LANE, LEFT, TOP] = [78, 84, 40, 46] // pixels

const xOf = ({ column }: Node): number => LEFT + column * STEP
const yOf = ({ lane }: Node): number => TOP + lane * LANE

/** The releases from left to right, each joined to the one that it was trained from. */
export function LineageGraph({ lineage }: { readonly lineage: Lineage }) {
  const { nodes, edges, lanes, hidden } = lineage
  const box = useRef<HTMLElement>(null)
  useEffect(() => {
    if (box.current !== null) box.current.scrollLeft = box.current.scrollWidth // the newest are looked at
  }, [nodes.length])
  const width = LEFT * 2 + (nodes.length - 1) * STEP
  const height = TOP + (lanes.length - 1) * LANE + 50
  return (
    <section class="lineage" ref={box} aria-label="Lineage of the releases">
      <svg width={Math.max(width, 120)} height={height} role="presentation">
        {edges.map(({ from, to }) => (
          <path
            key={`${from.name} ${to.name}`}
            class="edge"
            d={`M${xOf(from)} ${yOf(from)}C${xOf(from) + STEP / 2} ${yOf(from)} ${xOf(to) - STEP / 2} ${yOf(to)} ${xOf(to)} ${yOf(to)}`}
          />
        ))}
        {nodes.map((node) => (
          <Release key={node.name} node={node} />
        ))}
      </svg>
      {hidden > 0 && <p class="small faint">{hidden} older releases are in the list below.</p>}
    </section>
  )
}

function Release({ node }: { readonly node: Node }) {
  const { name, loss, aliases, isRefuted } = node
  const kind = isRefuted ? ' refuted' : aliases.length > 0 ? ' named' : ''
  const told = [name, loss === null ? '' : `loss ${loss.toFixed(4)}`, aliases.join(', ')].filter(Boolean)
  return (
    <a class={`node${kind}`} href={linkTo('releases', name)} aria-label={told.join(', ')}>
      <g transform={`translate(${xOf(node)} ${yOf(node)})`}>
        {aliases.length > 0 && (
          <text class="alias" y="-30" text-anchor="middle">
            {aliases.join(', ')}
          </text>
        )}
        <text y="-14" text-anchor="middle">
          {name}
        </text>
        <circle r="6" />
        <text class="under" y="22" text-anchor="middle">
          {loss?.toFixed(3) ?? '-'}
        </text>
      </g>
    </a>
  )
}
