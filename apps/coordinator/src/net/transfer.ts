import { startUpdateCheck } from '@lorica/peft-core'
import { elementsIn } from '@lorica/privacy'
import {
  asLoricaError,
  type BlobRead,
  type BlobReadReply,
  type ErrorCode,
  LoricaError,
  limits,
  type Receipt,
  type UpdateChunk,
  type UpdateClose,
  type UpdateOpen,
  type UpdateOpenReply,
} from '@lorica/protocol'
import { wait } from '../clock.js'
import type { Alarms } from '../fleet/alarms.js'
import type { ActiveRun } from '../rounds/active-run.js'
import type { Conductor } from '../rounds/conductor.js'
import {
  admitUpdate,
  expectationOf,
  inspectUpdate,
  notYours,
  roundClosed,
  seatOver,
} from '../rounds/intake.js'
import { maskedBytes, startMaskedCheck } from '../rounds/masked-update.js'
import type { Parts } from '../rounds/parts.js'
import { termsFor } from '../rounds/sum-hearing.js'
import { hidesSites, unsaid } from '../runs/hidden-sites.js'
import { openSeats, roundOf } from '../runs/open-seats.js'
import { isPrivate } from '../runs/secure-terms.js'
import { mostNorm } from '../runs/site-privacy.js'
import { tensorsOf } from '../runs/strategy.js'
import { moveDurably } from '../store/durable.js'
import { stageUpload } from '../store/staging.js'
import { updatePath } from '../store/updates.js'
import { createOpenUploads, isOpen, type Upload } from './open-uploads.js'
import { createTurns } from './turns.js'

/** Moves bytes between agents and the disk: base files and adapters out, updates in. */
export interface Transfer {
  read(agentId: string, request: BlobRead): Promise<BlobReadReply>
  open(agentId: string, offer: UpdateOpen): Promise<UpdateOpenReply>
  chunk(agentId: string, chunk: UpdateChunk): Promise<{ offset: number }>
  close(agentId: string, request: UpdateClose): Promise<{ receipt: Receipt }>
  /** Waits until updates that are being checked are answered, for at most a few seconds. */
  settled(): Promise<void>
  /** The connection of an agent is gone: its uploads are kept on disk, to be resumed. */
  departed(agentId: string): Promise<void>
}

const SETTLE_MS = 5000

/** Refusals after which the seat of the agent is settled: sending the same update again cannot help. */
const finalCodes: ReadonlySet<ErrorCode> = new Set([
  'LRC-4003',
  'LRC-4007',
  'LRC-4008',
  'LRC-4009',
  'LRC-4010',
  'LRC-4011',
  'LRC-4012',
  'LRC-4014',
])

const CHECKS_AT_ONCE = 4 // each may read its update back in pieces

export function createTransfer(
  parts: Parts,
  conductor: Conductor,
  stagingFolder: string,
  alarms: Alarms,
): Transfer {
  const uploads = createOpenUploads()
  const closing = new Map<string, Promise<Receipt>>() // an update is taken once, however often that is asked
  const inTurn = createTurns(CHECKS_AT_ONCE)

  function refuse(active: ActiveRun, agentId: string, assignmentId: string, error: LoricaError): void {
    const { runId } = active
    const open = openSeats(active.run(), agentId)
    const seat = open?.seats.get(agentId)
    const isOver = open === null || open.isClosed || seat?.assignmentId !== assignmentId
    if (isOver || seat?.status !== 'training') return
    const round = roundOf(seat, open)
    const { name } = seat
    const { code, message } = error
    parts.ledger.record({ type: 'update-refused', runId, round, agentId, name, assignmentId, code, message })
    parts.log('update-refused', { run: runId, round, agent: agentId, code })
    active.bell.ring()
  }

  function closed(runId: string, round: number, assignmentId: string): LoricaError {
    const run = parts.ledger.run(runId)
    return run === undefined ? roundClosed(round, 'an unknown time') : seatOver(run, round, assignmentId)
  }

  function foreign(agentId: string, ownerId: string, what: string): void {
    const owner = parts.ledger.member(ownerId)?.name ?? ownerId
    alarms.raise('foreign-assignment', agentId, `it used ${what} of ${owner}`)
  }

  async function owned(agentId: string, uploadId: string): Promise<Upload> {
    const upload = await uploads.get(uploadId)
    if (upload?.agentId !== agentId) {
      if (upload !== undefined) foreign(agentId, upload.agentId, `upload ${uploadId}`)
      throw notOpen(uploadId)
    }
    if (isOpen(upload)) return upload
    await uploads.forget(upload, 'drop')
    throw closed(upload.active.runId, upload.round, upload.offer.assignmentId)
  }

  /** Lets go of the uploads of an agent whose rounds are over, or do not wait for them any more: nobody closes them. */
  async function dropOver(agentId: string): Promise<void> {
    const over = (await uploads.of(agentId)).filter(
      (upload) => !isOpen(upload) && !closing.has(upload.uploadId),
    )
    await Promise.all(over.map((upload) => uploads.forget(upload, 'drop')))
  }

  async function finish(upload: Upload): Promise<Receipt> {
    const { active, agentId, check, offer, staged } = upload
    const { runId } = active.run()
    const { sha256, assignmentId, examples, tokens, trainMs, lossFirst, lossLast, samplingRate, energy } =
      offer
    await staged.written()
    const flushed = staged.flush() // while it is checked
    const checked = inTurn(() => inspectUpdate(parts.disk, staged.path, check))
    await Promise.allSettled([flushed, checked])
    const { norm, encoding } = await checked
    const isMasked = encoding === undefined
    await flushed
    await uploads.forget(upload, 'park')
    await moveDurably(parts.disk, staged.path, updatePath(parts.updatesFolder, runId, upload.round, sha256))
    if (!isOpen(upload)) throw closed(runId, upload.round, assignmentId)
    if (parts.ledger.member(agentId)?.left != null) throw new LoricaError('LRC-2011', 'agent was revoked')
    const acceptedAt = new Date(parts.clock.now()).toISOString()
    const name = parts.ledger.member(agentId)?.name ?? agentId
    const said = hidesSites(active.run().spec) ? unsaid : { examples, tokens, lossFirst, lossLast }
    const counts = {
      ...said,
      trainMs,
      norm,
      sizeBytes: offer.sizeBytes,
      ...(isMasked ? {} : { encoding }),
      ...(samplingRate === undefined ? {} : { samplingRate }),
      ...(energy === undefined ? {} : { energy }),
    }
    const contribution = { agentId, name, assignmentId, updateSha256: sha256, acceptedAt, ...counts }
    parts.ledger.record({ type: 'update-accepted', runId, round: upload.round, contribution })
    active.bell.ring()
    await parts.ledger.flush()
    return { updateSha256: sha256, round: upload.round, acceptedAt }
  }

  /** Finishes an upload, or settles why it cannot be. */
  async function take(upload: Upload): Promise<Receipt> {
    const { active, agentId, offer } = upload
    active.uploads.checking(agentId)
    try {
      return await finish(upload)
    } catch (error) {
      const known = parts.readiness.noted(isMissing(error) ? notOpen(upload.uploadId) : error)
      const isIncomplete = known.code === 'LRC-4003'
      if (!isIncomplete) await uploads.forget(upload, 'drop')
      if (finalCodes.has(known.code) && !isIncomplete) refuse(active, agentId, offer.assignmentId, known)
      throw known
    } finally {
      active.uploads.ended(agentId)
    }
  }

  return {
    async read(agentId, { sha256, offset, length }) {
      const answer = await parts.blobs.read(sha256, offset, length)
      conductor.downloaded(agentId, sha256, answer.bytes.byteLength)
      return answer
    },
    async open(agentId, offer) {
      const { assignmentId, sha256, sizeBytes } = offer
      const uploadId = `${assignmentId}-${sha256.slice(0, 16)}`
      await closing.get(uploadId)?.catch(() => undefined)
      const record = parts.ledger.assignment(assignmentId)
      if (record === undefined || record.agentId !== agentId) {
        if (record !== undefined) foreign(agentId, record.agentId, `assignment ${assignmentId}`)
        throw notYours(assignmentId)
      }
      const { receipt, round } = record
      if (receipt?.updateSha256 === sha256) {
        await parts.ledger.flush()
        return { uploadId, offset: sizeBytes, receipt }
      }
      const active = conductor.active(record.runId)
      const seats = active === undefined ? null : openSeats(active.run(), agentId)
      const seat = seats?.seats.get(agentId)
      const adapter = await active?.adapter(seat?.rank)
      const open = active === undefined ? null : openSeats(active.run(), agentId) // now
      if (
        active === undefined ||
        adapter === undefined ||
        seat?.assignmentId !== assignmentId ||
        open?.seats.get(agentId)?.assignmentId !== assignmentId
      ) {
        throw closed(record.runId, round, assignmentId)
      }
      const { spec } = active.run()
      const { shared: shapes } = tensorsOf(spec, adapter, round)
      const masked = isPrivate(spec) ? termsFor(active, agentId, offer) : null
      try {
        admitUpdate(agentId, offer, {
          ...{ spec, round: open, adapter: shapes, nowMs: active.nowMs() },
          isUnderWay: active.uploads.isUnderWay(agentId),
          maskedBytes: masked && maskedBytes(masked),
        })
      } catch (error) {
        const known = asLoricaError(error)
        if (finalCodes.has(known.code)) refuse(active, agentId, assignmentId, known)
        if (known.code === 'LRC-4013')
          alarms.raise('conflicting-update', agentId, `a second update of round ${round} of ${record.runId}`)
        throw known
      }
      conductor.leases.touched(agentId) // an agent that offers its work is not hung, even where no disk takes it
      parts.readiness.expect()
      await dropOver(agentId)
      const known = uploads.get(uploadId)
      if (known !== undefined) return { uploadId, offset: (await known).staged.offset() }
      if ((await uploads.of(agentId)).length >= limits.uploadsPerAgent) {
        throw new LoricaError('LRC-4015', `more than ${limits.uploadsPerAgent} uploads at once`)
      }
      const upload = await uploads.begin(uploadId, async () => {
        const staged = await stageUpload(parts.disk, stagingFolder, uploadId, sizeBytes)
        const check =
          masked === null
            ? startUpdateCheck(
                sizeBytes,
                expectationOf(
                  offer,
                  shapes,
                  spec,
                  open.privacy && mostNorm(open.privacy, elementsIn(shapes)),
                ),
              )
            : startMaskedCheck(parts.disk, masked, sha256)
        return { uploadId, agentId, offer, staged, check, active, round }
      })
      return { uploadId, offset: upload.staged.offset() }
    },
    async chunk(agentId, { uploadId, offset, bytes }) {
      const upload = await owned(agentId, uploadId)
      try {
        const appended = upload.staged.append(offset, bytes)
        if (upload.staged.offset() === offset + bytes.byteLength) upload.check.take(offset, bytes) // while it is written
        const next = await appended
        upload.active.marks.moved(agentId, 'up', bytes.byteLength)
        upload.active.uploads.moved(agentId)
        upload.active.sum?.movedAtMs.set(agentId, parts.clock.monotonicMs())
        conductor.leases.touched(agentId)
        return { offset: next }
      } catch (error) {
        const known = parts.readiness.noted(error)
        if (known.code.startsWith('LRC-5')) await uploads.forget(upload, 'park') // what is written is a part of it
        throw known
      }
    },
    async close(agentId, { uploadId }) {
      const upload = await owned(agentId, uploadId)
      const taking = closing.get(uploadId) ?? take(upload).finally(() => closing.delete(uploadId))
      closing.set(uploadId, taking)
      return { receipt: await taking }
    },
    async settled() {
      await Promise.race([Promise.allSettled(closing.values()), wait(parts.clock, SETTLE_MS)])
    },
    async departed(agentId) {
      const left = (await uploads.of(agentId)).filter(({ uploadId }) => !closing.has(uploadId))
      await Promise.all(left.map((upload) => uploads.forget(upload, 'park')))
    },
  }
}

function notOpen(uploadId: string): LoricaError {
  return new LoricaError('LRC-4005', `upload ${uploadId} is not open`, { received: uploadId })
}

/** Whether a staged file is gone: somebody removed it, or it went to a coordinator that took over. */
function isMissing(error: unknown): boolean {
  const { cause } = error as Error
  return ((cause ?? error) as NodeJS.ErrnoException).code === 'ENOENT'
}
