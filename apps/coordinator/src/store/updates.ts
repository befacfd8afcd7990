import { join } from 'node:path'
import type { Contribution } from '../journal/event.js'

/** Where an accepted update lies. */
export function updatePath(folder: string, runId: string, round: number, sha256: string): string {
  return join(folder, runId, String(round), `${sha256}.safetensors`)
}

/** Where the update of a contribution to a round lies: with those of the round in which it was asked for. */
export function contributionPath(
  folder: string,
  runId: string,
  round: number,
  { updateSha256, late }: Pick<Contribution, 'updateSha256' | 'late'>,
): string {
  return updatePath(folder, runId, late?.round ?? round, updateSha256)
}
