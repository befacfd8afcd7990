import type { Graph, Node } from './graph.js'

/**
 * The same graph with each node as late as the nodes that read it allow, so that values are made when they are needed and
 * are not held in memory before. Nodes that nobody reads keep their order among themselves; each is preceded by what it
 * needs, in the order in which that stood. The values named in `last` come after all others.
 */
export function scheduleLate(graph: Graph, last: readonly string[] = []): Graph {
  const places = new Map(graph.nodes.flatMap(({ outputs }, at) => outputs.map((name) => [name, at] as const)))
  const sourcesOf = ({ inputs }: Node): readonly number[] =>
    [...new Set(inputs.flatMap((name) => places.get(name) ?? []))].sort((a, b) => a - b)
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs))
  const done = new Set<number>()
  const order: Node[] = []
  const ends = [...graph.nodes.keys()].filter(
    (at) => !graph.nodes[at]?.outputs.some((name) => read.has(name)),
  )
  const isLast = (at: number): boolean =>
    graph.nodes[at]?.outputs.some((name) => last.includes(name)) === true
  for (const end of [...ends.filter((at) => !isLast(at)), ...ends.filter(isLast)]) {
    const open = [end] // a path is as long as the graph is deep: too long for calls of a function
    while (open.length > 0) {
      const at = open.at(-1) as number
      const node = graph.nodes[at] as Node
      const next = sourcesOf(node).find((source) => !done.has(source))
      if (next !== undefined) {
        open.push(next)
        continue
      }
      open.pop()
      done.add(at)
      order.push(node)
    }
  }
  return { ...graph, nodes: order }
}
