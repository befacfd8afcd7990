import { LoricaError, type Receipt, type UpdateOpen } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Request } from './link.js'
import type { Pace } from './pace.js'

/** Bytes of an update by range, from wherever it is kept. */
export type ReadRange = (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>

export interface UploadParts {
  readonly request: Request
  readonly pace: Pace
  readonly clock: Clock
  readonly read: ReadRange
  /** Hears up to where the coordinator has the bytes. */
  readonly onBytes?: (doneBytes: number) => void
}

/** Times that the coordinator may ask for other bytes without accepting any before the upload is given up. */
const REOPENS = 3

/** Refusals that are answered by opening the upload again: it tells from where to go on. */
const RESUMABLE = ['LRC-4004', 'LRC-4005', 'LRC-4006']

/**
 * Sends an update and returns the coordinator's receipt for it. Goes on from the offset that the coordinator has, keeps
 * several chunks under way, and sends nothing when the update was accepted before. Throws the refusal of the
 * coordinator, LRC-1009 when the link is lost (call it again: only what was in flight is sent twice), and LRC-1012
 * when the receipt is for something else.
 */
export async function upload(update: UpdateOpen, parts: UploadParts): Promise<Receipt> {
  let reopens = 0
  let furthest = -1
  for (;;) {
    const opened = await parts.request('update.open', update)
    if (opened.receipt !== undefined) return checkReceipt(opened.receipt, update)
    if (opened.offset > update.sizeBytes) throw beyond(opened.offset, update.sizeBytes)
    reopens = opened.offset > furthest ? 0 : reopens + 1
    furthest = Math.max(furthest, opened.offset)
    try {
      await sendFrom(opened.uploadId, opened.offset, update.sizeBytes, parts)
      const { receipt } = await parts.request('update.close', { uploadId: opened.uploadId })
      return checkReceipt(receipt, update)
    } catch (error) {
      if (!isResumable(error) || reopens >= REOPENS) throw error
    }
  }
}

interface Sent {
  readonly end: number
  readonly sentMs: number
  readonly inFlightBytes: number
  readonly reply: Promise<{ readonly offset: number }>
}

async function sendFrom(
  uploadId: string,
  offset: number,
  sizeBytes: number,
  parts: UploadParts,
): Promise<void> {
  const { request, pace, clock, read, onBytes = () => {} } = parts
  const chunks: Sent[] = []
  let sent = offset
  let done = offset
  while (done < sizeBytes) {
    while (
      sent < sizeBytes &&
      (chunks.length === 0 || sent - done + pace.chunkBytes() <= pace.windowBytes())
    ) {
      const bytes = await read(sent, Math.min(pace.chunkBytes(), sizeBytes - sent))
      const reply = request('update.chunk', { uploadId, offset: sent, bytes })
      reply.catch(() => {}) // the first chunk that fails is reported; those behind it fail with it
      sent += bytes.byteLength
      chunks.push({ end: sent, sentMs: clock.monotonicMs(), inFlightBytes: sent - done, reply })
    }
    const chunk = chunks.shift() as Sent
    const { offset: accepted } = await chunk.reply
    if (accepted !== chunk.end) {
      throw new LoricaError('LRC-4004', `chunk was answered with offset ${accepted}`, {
        expected: String(chunk.end),
        received: String(accepted),
      })
    }
    pace.observe(chunk.inFlightBytes, clock.monotonicMs() - chunk.sentMs)
    done = chunk.end
    onBytes(done)
  }
}

function checkReceipt(receipt: Receipt, update: UpdateOpen): Receipt {
  if (receipt.updateSha256 === update.sha256) return receipt
  throw new LoricaError('LRC-1012', 'receipt is for another update', {
    expected: update.sha256,
    received: receipt.updateSha256,
  })
}

function isResumable(error: unknown): boolean {
  return error instanceof LoricaError && RESUMABLE.includes(error.code)
}

function beyond(offset: number, sizeBytes: number): LoricaError {
  return new LoricaError('LRC-1012', 'coordinator claims to have more bytes than the update has', {
    expected: `an offset of at most ${sizeBytes}`,
    received: String(offset),
  })
}
