import { elementBytes, type Graph, sizeOf } from './graph.js'

/**
 * The most bytes of computed values that are needed at one time when the nodes run in their order and every value is let
 * go after its last use. Inputs and weights are not counted; a runtime that reuses memory needs somewhat more.
 */
export function peakActivationBytes({ nodes, outputs, types }: Graph): number {
  const kept = new Set(outputs.map(({ name }) => name))
  const lastUse = new Map<string, number>()
  for (const [step, { inputs, outputs: made }] of nodes.entries()) {
    for (const name of [...inputs, ...made]) lastUse.set(name, step)
  }
  const sizeBytes = (name: string): number => {
    const type = types.get(name)
    return type === undefined ? 0 : sizeOf(type.shape) * elementBytes[type.element]
  }
  const live = new Set<string>()
  let liveBytes = 0
  let peak = 0
  for (const [step, { inputs, outputs: made }] of nodes.entries()) {
    for (const name of made) {
      if (name === '' || live.has(name)) continue
      live.add(name)
      liveBytes += sizeBytes(name)
    }
    peak = Math.max(peak, liveBytes)
    for (const name of new Set([...inputs, ...made])) {
      if (lastUse.get(name) !== step || kept.has(name) || !live.delete(name)) continue
      liveBytes -= sizeBytes(name)
    }
  }
  return peak
}
