import type { ReleaseView } from '@lorica/protocol'

/** A release as it stands in the graph: a column for each release, a lane for each run. */
export interface Node {
  readonly name: string
  readonly column: number
  readonly lane: number
  readonly loss: number | null
  readonly aliases: readonly string[]
  readonly isRefuted: boolean
}

export interface Lineage {
  readonly nodes: readonly Node[]
  readonly edges: readonly { readonly from: Node; readonly to: Node }[]
  readonly lanes: readonly string[] // names of the runs, in the order of their first release
  readonly hidden: number // older releases that are not shown
}

/** The newest `most` releases, each after its parent. */
export function lineageOf(
  releases: readonly Pick<ReleaseView, 'name' | 'manifest' | 'audits'>[],
  aliases: Readonly<Record<string, string>>,
  most = 40,
): Lineage {
  const sorted = releases.toSorted((a, b) => a.manifest.version - b.manifest.version)
  const shown = sorted.slice(-most)
  const runs = [...new Set(shown.map(({ manifest }) => manifest.runId))]
  const nodes = shown.map(
    ({ name, manifest, audits = [] }, column): Node => ({
      name,
      column,
      lane: runs.indexOf(manifest.runId),
      loss: manifest.evaluation.loss,
      aliases: Object.keys(aliases).filter((alias) => aliases[alias] === name),
      isRefuted: audits.some(({ verdict }) => verdict === 'refuted'),
    }),
  )
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const edges = shown.flatMap(({ name, manifest: { parent } }) => {
    const [from, to] = [byName.get(parent ?? ''), byName.get(name)]
    return from === undefined || to === undefined ? [] : [{ from, to }]
  })
  return { nodes, edges, lanes: runs, hidden: sorted.length - shown.length }
}
