/**
 * What an engine that decodes does next: take a waiting text in, or let the texts of one adapter grow by a token.
 * @module
 */

export interface TurnState {
  /** The adapters of the texts that wait, in the order in which they came. */
  readonly waiting: readonly string[]
  /** The adapters that texts grow under. */
  readonly running: readonly string[]
  /** Whether one more text may grow. */
  readonly hasRoom: boolean
  /** The adapters whose turns the last ones were. */
  readonly lastBegun: string | undefined
  readonly lastStepped: string | undefined
  /** Whether the last move took a text in. */
  readonly justBegan: boolean
}

export type Move =
  | { readonly kind: 'begin'; readonly adapter: string }
  | { readonly kind: 'step'; readonly adapter: string }
  | { readonly kind: 'rest' }

/**
 * Adapters take turns, so that none waits for the many texts of another; texts that grow take turns with texts that begin,
 * so that a long prompt does not hold them up for long.
 */
export function nextMove(state: TurnState): Move {
  const { waiting, running, hasRoom, lastBegun, lastStepped, justBegan } = state
  const begins = waiting.length > 0 && hasRoom && (!justBegan || running.length === 0)
  if (begins) return { kind: 'begin', adapter: after(waiting, lastBegun) }
  if (running.length > 0) return { kind: 'step', adapter: after(running, lastStepped) }
  return { kind: 'rest' }
}

/** The first that comes after `last` in the alphabet, or else the first of all. */
function after(adapters: readonly string[], last: string | undefined): string {
  const sorted = [...new Set(adapters)].sort()
  return (last === undefined ? undefined : sorted.find((adapter) => adapter > last)) ?? (sorted[0] as string)
}
