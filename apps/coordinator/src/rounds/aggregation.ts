import { createHash } from 'node:crypto'
import { adapterFiles } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { aggregateOf } from '../aggregation/aggregate.js'
import { aggregationOf, noted } from '../aggregation/aggregation-report.js'
import type { Aggregated, ClosedRound } from '../aggregation/closed-round.js'
import { memoryFile, readMemory } from '../aggregation/memory.js'
import { controlledAgents } from '../aggregation/scaffold.js'
import { contributionsOf } from '../runs/round.js'
import { membersOf } from '../runs/weights.js'
import { type Disk, piecesOf } from '../store/disk.js'
import { diskError } from '../store/disk-error.js'
import { contributionPath } from '../store/updates.js'
import type { ActiveRun } from './active-run.js'
import type { Parts } from './parts.js'
import { chargeRound, keptCandidate } from './privacy-charges.js'
import { openRoundOf } from './training.js'

/**
 * Makes a candidate of the accepted updates of the closed round by the strategy of the run, and makes it readable. The returned
 * promise is about the first: await `durable` before the candidate is promised to anyone. Throws LoricaError LRC-7006, LRC-7008
 * when a robust rule has too few updates, and LRC-5002 for an update whose bytes are not any more what was accepted.
 */
export async function aggregateRound(
  parts: Parts,
  active: ActiveRun,
): Promise<{ readonly durable: Promise<unknown> }> {
  const { runId } = active
  const round = openRoundOf(active)
  const { spec, seed } = active.run()
  if (await keptCandidate(parts, round)) return { durable: Promise.resolve() }
  const [start, memory] = await Promise.all([
    active.adapter(),
    readMemory(parts.blobs, spec, round.startState),
  ])
  const controlled = controlledAgents(active.run(), round)
  const made = await aggregated(parts, { runId, spec, seed, round, start, memory, controlled }).then(
    (aggregate) => ({ aggregate }),
    (cause: unknown) => ({ cause }),
  )
  for (const contribution of contributionsOf(round)) {
    const path = contributionPath(parts.updatesFolder, runId, round.round, contribution)
    await expectIntact(parts.disk, path, contribution.updateSha256) // afterwards: what was damaged before or meanwhile is found
  }
  if ('cause' in made) {
    const { cause } = made
    throw cause instanceof RangeError ? new LoricaError('LRC-7006', cause.message, { cause }) : cause
  }
  const { candidate, report, memory: remembered, grown, nextClip } = made.aggregate
  const stored = Object.entries(adapterFiles(candidate)).map(([path, bytes]) => parts.blobs.put(path, bytes))
  const files = stored.map(({ file }) => file)
  const kept = remembered === null ? [] : [parts.blobs.put(...memoryFile(remembered))]
  const durable = Promise.all([...stored, ...kept].map((blob) => blob.durable))
  durable.catch(() => undefined) // awaited when the round is committed
  if (round.privacy !== null) await durable // noise is drawn once: after a restart the candidate is read, and not made again
  if (round.candidate === null) {
    const { optimizer } = spec.aggregate
    const aggregation = {
      ...aggregationOf(noted(report, spec, round), membersOf(contributionsOf(round))),
      ...(grown === null ? {} : { side: grown }),
      ...(optimizer === undefined ? {} : { optimizer: optimizer.kind }),
    }
    const [own] = kept
    if (round.privacy !== null) chargeRound(parts, active, round.privacy)
    parts.ledger.record({
      ...{ type: 'round-aggregated', runId, round: round.round, files, aggregation },
      ...(own === undefined ? {} : { state: own.file }),
      ...(nextClip === undefined ? {} : { nextClip }),
    })
  }
  return { durable }
}

/** The aggregate of the accepted updates of a round, computed where the coordinator has a place for it, or here. */
export function aggregated(
  parts: Pick<Parts, 'disk' | 'updatesFolder' | 'aggregator'>,
  closed: ClosedRound,
): Promise<Aggregated> {
  const { aggregator, updatesFolder } = parts
  return aggregator?.aggregate(updatesFolder, closed) ?? aggregateOf(parts, closed)
}

/** Throws LoricaError LRC-5002 unless an accepted update is what it was, or LRC-5004 when it cannot be read. */
export async function expectIntact(disk: Disk, path: string, sha256: string): Promise<void> {
  const hash = createHash('sha256')
  try {
    for await (const piece of piecesOf(disk, path)) hash.update(piece)
  } catch (error) {
    throw diskError(error, path)
  }
  const received = hash.digest('hex')
  if (received === sha256) return
  const message = `${path}: an accepted update is damaged on disk`
  throw new LoricaError('LRC-5002', message, { expected: sha256, received })
}
