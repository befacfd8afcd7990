import type { Problem } from './problem.js'
import type { SourceGraph } from './source-graph.js'

/** Files that import each other in a circle, types included: each circle once, as the path around it. */
export function importCycles(graph: SourceGraph): readonly Problem[] {
  const problems: Problem[] = []
  const done = new Set<string>()
  const open: string[] = []

  const visit = (path: string): void => {
    if (done.has(path)) return
    const first = open.indexOf(path)
    if (first >= 0) {
      const circle = [...open.slice(first), path]
      problems.push({
        file: path,
        message: `files import each other in a circle: ${circle.join(' -> ')}. Move what both need into a file of its own.`,
      })
      return
    }
    open.push(path)
    for (const { target } of graph.get(path)?.imports ?? []) if (target !== undefined) visit(target)
    open.pop()
    done.add(path)
  }
  for (const path of graph.keys()) visit(path)
  return problems
}
