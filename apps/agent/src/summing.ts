import { decodeSafetensors, floatTensor } from '@lorica/peft-core'
import { flattened, type SumTerms } from '@lorica/privacy'
import {
  asLoricaError,
  type Identity,
  LoricaError,
  type TrainAssignment,
  type UpdateOpen,
} from '@lorica/protocol'
import type { Clock } from './clock.js'
import { type Delivery, publicReason } from './contribution.js'
import type { Mask, MaskedBytes } from './masking.js'
import type { Random } from './random.js'
import { reasonOf, type Tell } from './report.js'
import { type SumDelivery, takePart } from './secure-sum.js'
import type { Company } from './site/company.js'
import type { SpendAsSite } from './site/spend.js'
import type { Disk } from './store/disk.js'
import { unsaidCounts, writeMaskedUpload } from './store/ledger.js'
import { type Finished, type Outbox, workOf } from './store/outbox.js'
import type { SumBook } from './store/sum-book.js'
import type { TakePart } from './sums.js'

export interface SummingParts {
  readonly folder: string
  readonly url: string
  readonly agentId: string
  readonly coordinatorId: string
  readonly identity: () => Promise<Identity>
  readonly outbox: Outbox
  readonly book: SumBook
  readonly delivery: Pick<Delivery, 'decline'>
  readonly sumDelivery: (announced: Omit<UpdateOpen, 'sha256' | 'sizeBytes'>) => SumDelivery
  readonly company: () => Promise<Company>
  readonly mask: Mask
  /** Has this site pay before its update leaves. Throws LRC-6021 when it cannot. */
  readonly spendAsSite: SpendAsSite
  readonly tell: Tell
  readonly random: Random
  readonly clock: Clock
  readonly disk: Disk
}

/** Takes finished updates into secure sums: reads them, keeps to the protocol, and declines with a reason when something is wrong. */
export function summing(parts: SummingParts): TakePart {
  return async (assignment, mail, signal) => {
    const { assignmentId, round } = assignment
    try {
      const survivors = await sum(assignment, mail, parts, signal)
      parts.tell({ event: 'summed', assignmentId, round, agents: survivors.length })
    } catch (error) {
      const known = asLoricaError(signal.aborted ? signal.reason : error)
      const isSilent = signal.aborted && known.code !== 'LRC-6010'
      parts.tell({ event: isSilent ? 'abandoned' : 'declined', assignmentId, ...reasonOf(known) })
      if (!isSilent) await parts.delivery.decline(assignmentId, known.code, publicReason(known))
    }
  }
}

async function sum(
  assignment: TrainAssignment,
  mail: Parameters<TakePart>[1],
  parts: SummingParts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { assignmentId } = assignment
  const finished = await parts.outbox.find(workOf(assignment))
  if (finished === undefined) throw new LoricaError('LRC-8003', 'the finished update is not there any more')
  const startedMs = parts.clock.monotonicMs()
  const tensors = await tensorsOf(finished, parts)
  const record = async ({ bytes, sha256 }: MaskedBytes, terms: SumTerms): Promise<void> => {
    await parts.spendAsSite(assignment)
    const at = new Date(parts.clock.now()).toISOString()
    const sent = { sha256, sizeBytes: bytes.byteLength }
    const shapes = [...tensors].map(([name, { shape, data }]) => ({
      ...{ name, shape: [...shape] },
      sizeBytes: Math.ceil((data.length * terms.ring.bits) / 8),
    }))
    const sending = { at, coordinator: parts.url, finished, tensors: shapes, sent, terms }
    await writeMaskedUpload(parts.folder, sending, parts.disk)
    parts.tell({
      ...{ event: 'masked', assignmentId, sizeBytes: bytes.byteLength },
      maskMs: parts.clock.monotonicMs() - startedMs,
    })
  }
  return await takePart(
    assignment,
    flattened(tensors),
    {
      ...{ agentId: parts.agentId, coordinatorId: parts.coordinatorId, book: parts.book, mail, record },
      identity: await parts.identity(),
      delivery: parts.sumDelivery({ assignmentId, ...unsaidCounts, trainMs: finished.trainMs }),
      ...{ random: parts.random.bytes, mask: parts.mask },
      company: await parts.company(),
    },
    signal,
  )
}

/** The tensors of a finished update. */
async function tensorsOf(finished: Finished, { outbox }: Pick<SummingParts, 'outbox'>) {
  const bytes = new Uint8Array(finished.sizeBytes)
  const pieceBytes = 1024 * 1024
  for (let at = 0; at < bytes.byteLength; at += pieceBytes)
    bytes.set(await outbox.read(finished, at, Math.min(pieceBytes, bytes.byteLength - at)), at)
  return new Map([...decodeSafetensors(bytes)].map(([name, raw]) => [name, floatTensor(raw)]))
}
