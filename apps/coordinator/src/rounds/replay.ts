import { createHash } from 'node:crypto'
import { adapterFiles } from '@lorica/peft-core'
import { LoricaError, type ReplayView } from '@lorica/protocol'
import { readMemory } from '../aggregation/memory.js'
import { controlledAgents } from '../aggregation/scaffold.js'
import { readStoredAdapter } from '../aggregation/stored-adapter.js'
import { contributionsOf } from '../runs/round.js'
import { type Run, weightsSha256 } from '../runs/run.js'
import { tensorsOf } from '../runs/strategy.js'
import { contributionPath } from '../store/updates.js'
import { aggregated, expectIntact } from './aggregation.js'
import type { Parts } from './parts.js'
import { expectSeparable, noiseBetween } from './replay-noise.js'

/**
 * Aggregates a committed round of a run once more, from the adapter that it started from and its accepted updates, and holds the
 * result against what was recorded then. Changes nothing. Throws LoricaError LRC-3015 when it cannot.
 */
export async function replayRound(
  parts: Pick<Parts, 'disk' | 'updatesFolder' | 'blobs' | 'aggregator'>,
  { runId, spec, seed, rounds, history }: Run,
  number: number,
): Promise<ReplayView> {
  const record = rounds.find(({ round }) => round === number)
  const round = history.find((past) => past.round === number && past.outcome === 'committed')
  if (record === undefined || round === undefined || round.candidate === null)
    throw new LoricaError('LRC-3015', `round ${number} of ${runId} was not committed`)
  const recordedSha256 = weightsSha256(round.candidate)
  const contributions = contributionsOf(round)
  try {
    for (const contribution of contributions) {
      const path = contributionPath(parts.updatesFolder, runId, number, contribution)
      await expectIntact(parts.disk, path, contribution.updateSha256)
    }
    const start = await readStoredAdapter(parts.blobs, round.start)
    const memory = await readMemory(parts.blobs, spec, round.startState)
    const controlled = controlledAgents({ spec, rounds }, round)
    const closed = { runId, spec, seed, round, start, memory, controlled }
    const of = { run: runId, round: number, release: record.release, updates: contributions.length }
    const { privacy } = round
    const hasNoise = privacy !== null && privacy.noise === 'server'
    if (hasNoise) expectSeparable(spec)
    const { candidate } = await aggregated(parts, hasNoise ? { ...closed, isReplay: true } : closed)
    const weights = adapterFiles(candidate)['adapter_model.safetensors']
    const recomputedSha256 = createHash('sha256').update(weights).digest('hex')
    if (!hasNoise)
      return { ...of, recordedSha256, recomputedSha256, isSame: recomputedSha256 === recordedSha256 }
    const recorded = await readStoredAdapter(parts.blobs, round.candidate)
    const names = tensorsOf(spec, start, number).shared.keys()
    const { isNoise, ...noise } = noiseBetween(recorded, candidate, { names, privacy })
    return { ...of, recordedSha256, recomputedSha256, isSame: isNoise, noise }
  } catch (cause) {
    const { message } = cause as Error
    throw new LoricaError('LRC-3015', `round ${number} of ${runId}: ${message}`, { cause })
  }
}
