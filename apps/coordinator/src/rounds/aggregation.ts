import { createHash } from 'node:crypto'
import { adapterFiles, fedAvg, updateChunks } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { type Disk, piecesOf } from '../store/disk.js'
import { diskError } from '../store/disk-error.js'
import type { ActiveRun } from './active-run.js'
import { type Parts, updatePath } from './parts.js'
import { contributionsOf } from './round.js'
import { openRoundOf } from './training.js'

/**
 * Folds the accepted updates of the closed round into a candidate and makes it readable. The returned promise is
 * about the first: await `durable` before the candidate is promised to anyone. Throws LoricaError LRC-7006, and LRC-5002 for an
 * update whose bytes are not any more what was accepted.
 */
export async function aggregateRound(
  parts: Parts,
  active: ActiveRun,
): Promise<{ readonly durable: Promise<unknown> }> {
  const { runId } = active
  const round = openRoundOf(active)
  const adapter = await active.adapter()
  const shapes = new Map([...adapter.tensors].map(([name, { shape }]) => [name, shape]))
  const updates = contributionsOf(round).map(({ updateSha256, tokens }) => ({
    id: updateSha256,
    weight: tokens,
    chunks: () =>
      updateChunks(
        updatePath(parts.updatesFolder, runId, round.round, updateSha256),
        shapes,
        parts.disk.open,
      ),
  }))
  const folded = await fedAvg(adapter.tensors, updates).then(
    (tensors) => ({ tensors }),
    (cause: unknown) => ({ cause }),
  )
  for (const { updateSha256 } of contributionsOf(round)) {
    const path = updatePath(parts.updatesFolder, runId, round.round, updateSha256)
    await expectIntact(parts.disk, path, updateSha256) // afterwards: what was damaged before or meanwhile is found
  }
  if ('cause' in folded) {
    const { cause } = folded
    throw cause instanceof RangeError ? new LoricaError('LRC-7006', cause.message, { cause }) : cause
  }
  const { tensors } = folded
  const stored = Object.entries(adapterFiles({ config: adapter.config, tensors })).map(([path, bytes]) =>
    parts.blobs.put(path, bytes),
  )
  const files = stored.map(({ file }) => file)
  if (round.candidate === null)
    parts.ledger.record({ type: 'round-aggregated', runId, round: round.round, files })
  const durable = Promise.all(stored.map((blob) => blob.durable))
  durable.catch(() => undefined) // awaited when the round is committed
  return { durable }
}

async function expectIntact(disk: Disk, path: string, sha256: string): Promise<void> {
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
