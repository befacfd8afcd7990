import { createHash } from 'node:crypto'

/** The seed of one round: the same for every agent, so that a run with a seed does not depend on who its agents are. */
export function roundSeed(seed: number, round: number): number {
  return createHash('sha256').update(`${seed}/${round}`, 'utf8').digest().readUInt32BE(0)
}
