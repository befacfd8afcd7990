import type { RunSpec } from '@lorica/protocol'
import { isPrivate } from './secure-terms.js'

/** Whether a run is to show nothing of any single site: its updates are summed unseen, or noise protects its sites. */
export function hidesSites(spec: Pick<RunSpec, 'aggregate' | 'privacy'>): boolean {
  return isPrivate(spec) || spec.privacy.dp !== undefined
}

/** What is written down of the training of an agent in such a run. */
export const unsaid = { examples: 0, tokens: 1, lossFirst: null, lossLast: null } as const
