/**
 * Who masks with whom: a circle in a random order, in which each agent is joined to the `degree / 2` on either side
 * (a Harary graph, https://eprint.iacr.org/2020/704), or everybody with everybody.
 *
 * @module
 */
import { keystream } from './mask.js'

/**
 * The neighbours of each agent, sorted. The same for whoever has the same agents and the same seed of 32 bytes.
 * With `degree` from the number of agents minus 1 up the graph is complete and the seed does not matter.
 * Throws RangeError for a degree that is odd or below 2 when the graph is not complete.
 */
export function neighbourGraph(
  agents: readonly string[],
  degree: number,
  seed: Uint8Array,
): ReadonlyMap<string, readonly string[]> {
  const sorted = [...agents].sort()
  if (degree >= sorted.length - 1)
    return new Map(sorted.map((agent) => [agent, sorted.filter((other) => other !== agent)]))
  if (!Number.isInteger(degree) || degree < 2 || degree % 2 === 1)
    throw new RangeError(`degree expected an even number from 2, got ${degree}`)
  const circle = shuffled(sorted, seed)
  const size = circle.length
  const steps = Array.from({ length: degree / 2 }, (_, index) => index + 1)
  return new Map(
    circle.map((agent, at) => [
      agent,
      steps.flatMap((step) => [circle[(at + step) % size]!, circle[(at - step + size) % size]!]).sort(),
    ]),
  )
}

/** Fisher-Yates; a word that would make an index likelier than another is drawn again. */
function shuffled(items: readonly string[], seed: Uint8Array): readonly string[] {
  const stream = keystream(seed)
  const below = (limit: number): number => {
    const fair = 2 ** 32 - (2 ** 32 % limit)
    for (;;) {
      const word = stream(1)[0]!
      if (word < fair) return word % limit
    }
  }
  const order = [...items]
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = below(last + 1)
    ;[order[last], order[other]] = [order[other]!, order[last]!]
  }
  return order
}
