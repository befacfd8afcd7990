import type { FileReference, Receipt, UpdateOpen } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { EvaluationMessage } from '../measuring/evaluation.js'
import type { Append, Pull } from '../store/blobs.js'
import type { Finished, Outbox } from '../store/outbox.js'
import type { SumDelivery } from '../summing/secure-sum.js'
import type { Delivery } from '../work/contribution.js'
import { download } from './download.js'
import type { Link } from './link.js'
import { createPace, type Pace } from './pace.js'
import { whileLinked } from './patience.js'
import { upload } from './upload.js'

/** Hears how far a transfer is. */
export type OnBytes = (phase: 'download' | 'upload', doneBytes: number, sizeBytes: number) => void

export interface Transfers {
  readonly delivery: Delivery
  /** What a secure sum hands in for one assignment, whose masked update is `announced` as this. */
  readonly sumDelivery: (announced: Omit<UpdateOpen, 'sha256' | 'sizeBytes'>) => SumDelivery
  /** The same where something was measured. */
  readonly measuredDelivery: (assignmentId: string) => SumDelivery
  readonly pull: Pull
}

export interface TransferOptions {
  readonly link: Link
  readonly outbox: Outbox
  readonly clock: Clock
  /** Aborted when the agent stops: it ends downloads. */
  readonly stopped: AbortSignal
  readonly onBytes: OnBytes
  /** Hears of bytes as they are moved, either way. */
  readonly onMoved: (sizeBytes: number) => void
}

/** Everything that an agent moves over its link; each transfer outlives lost connections. */
export function createTransfers({
  link,
  outbox,
  clock,
  stopped,
  onBytes,
  onMoved,
}: TransferOptions): Transfers {
  const linked = { link, clock }
  let pace: Pace | undefined
  const paceOf = async (signal: AbortSignal): Promise<Pace> => {
    pace ??= createPace((await link.ready(signal)).limits)
    return pace
  }

  const delivery: Delivery = {
    upload: (update: UpdateOpen, finished: Finished, signal): Promise<Receipt> =>
      whileLinked(linked, signal, async () =>
        upload(update, {
          ...{ request: link.request, clock },
          pace: await paceOf(signal),
          read: async (offset, length) => {
            const bytes = await outbox.read(finished, offset, length)
            onMoved(bytes.byteLength)
            return bytes
          },
          onBytes: (done) => onBytes('upload', done, update.sizeBytes),
        }),
      ),
    async evaluation(message: EvaluationMessage, signal) {
      await whileLinked(linked, signal, () => link.request('evaluation', message))
    },
    async decline(assignmentId, code, message) {
      await link.request('decline', { assignmentId, code, message: message.slice(0, 2000) }).catch(() => {})
    },
  }

  const say = async (signal: AbortSignal, ask: () => Promise<unknown>): Promise<void> => {
    await whileLinked(linked, signal, ask)
  }
  const steps: Omit<SumDelivery, 'masked'> = {
    keys: (message, signal) => say(signal, () => link.request('sum.keys', message)),
    shares: (message, signal) => say(signal, () => link.request('sum.shares', message)),
    confirm: (message, signal) => say(signal, () => link.request('sum.confirm', message)),
    reveal: (message, signal) => say(signal, () => link.request('sum.reveal', message)),
  }
  const measuredDelivery: Transfers['measuredDelivery'] = (assignmentId) => ({
    ...steps,
    masked: ({ bytes }, signal) =>
      say(signal, () => link.request('sum.input', { assignmentId, masked: bytes })),
  })
  const sumDelivery: Transfers['sumDelivery'] = (announced) => {
    return {
      ...steps,
      async masked({ bytes, sha256 }, signal) {
        const update = { ...announced, sha256, sizeBytes: bytes.byteLength }
        await whileLinked(linked, signal, async () =>
          upload(update, {
            ...{ request: link.request, clock },
            pace: await paceOf(signal),
            read: async (offset, length) => {
              const part = bytes.subarray(offset, offset + length)
              onMoved(part.byteLength)
              return part
            },
            onBytes: () => {},
          }),
        )
      },
    }
  }

  const pull: Pull = async (file: FileReference, offset: number, append: Append) => {
    let done = offset
    const keep: Append = async (bytes) => {
      await append(bytes)
      done += bytes.byteLength
      onMoved(bytes.byteLength)
    }
    await whileLinked(linked, stopped, async () =>
      download(file, done, keep, {
        ...{ request: link.request, clock },
        pace: await paceOf(stopped),
        onBytes: (doneBytes) => onBytes('download', doneBytes, file.sizeBytes),
      }),
    )
  }
  return { delivery, sumDelivery, measuredDelivery, pull }
}
