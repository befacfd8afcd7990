import { decodeSafetensors, floatTensor } from '@lorica/peft-core'
import { flattened, type SumTerms } from '@lorica/privacy'
import {
  asLoricaError,
  type Identity,
  LoricaError,
  type TrainAssignment,
  type UpdateOpen,
} from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Random } from '../random.js'
import { reasonOf, type Tell } from '../report.js'
import type { Company } from '../site/company.js'
import type { SpendAsSite } from '../site/spend.js'
import type { Disk } from '../store/disk.js'
import { unsaidCounts, writeLastEvaluation, writeMaskedUpload } from '../store/ledger.js'
import { type Finished, type Outbox, workOf } from '../store/outbox.js'
import type { SumBook } from '../store/sum-book.js'
import { type Delivery, maskedReason } from '../work/contribution.js'
import type { Mask, MaskedBytes } from './masking.js'
import { sumMeasured } from './measured-sum.js'
import { type SumDelivery, type SumParts, takePart } from './secure-sum.js'
import type { SumMail } from './sum-mail.js'
import type { Summand, TakePart } from './sums.js'

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
  readonly measuredDelivery: (assignmentId: string) => SumDelivery
  readonly company: () => Promise<Company>
  readonly mask: Mask
  /** Has this site pay before its update leaves. Throws LRC-6021 when it cannot. */
  readonly spendAsSite: SpendAsSite
  readonly tell: Tell
  readonly random: Random
  readonly clock: Clock
  readonly disk: Disk
}

/** Takes finished updates, and what was measured, into secure sums: keeps to the protocol, and declines with a reason when something is wrong. */
export function summing(parts: SummingParts): TakePart {
  return async (summand, mail, signal) => {
    const { assignmentId, round } = summand.assignment
    try {
      const survivors =
        'measured' in summand
          ? await sumLoss(summand, mail, parts, signal)
          : await sum(summand.assignment, mail, parts, signal)
      parts.tell({ event: 'summed', assignmentId, round, agents: survivors.length })
    } catch (error) {
      const known = asLoricaError(signal.aborted ? signal.reason : error)
      const isSilent = signal.aborted && known.code !== 'LRC-6010'
      parts.tell({ event: isSilent ? 'abandoned' : 'declined', assignmentId, ...reasonOf(known) })
      if (!isSilent) await parts.delivery.decline(assignmentId, known.code, maskedReason(known))
    }
  }
}

async function sum(
  assignment: TrainAssignment,
  mail: SumMail,
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
      ...(await commonParts(parts)),
      ...{ mail, record, mask: parts.mask },
      delivery: parts.sumDelivery({ assignmentId, ...unsaidCounts, trainMs: finished.trainMs }),
    },
    signal,
  )
}

async function sumLoss(
  { assignment, measured }: Extract<Summand, { readonly measured: unknown }>,
  mail: SumMail,
  parts: SummingParts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { assignmentId, runId, round } = assignment
  const record: SumParts['record'] = async (_, { ring, minSurvivors }) => {
    const masked = { agents: ring.agents, minSurvivors, bits: ring.bits }
    await writeLastEvaluation(parts.folder, { runId, round, assignmentId, ...measured, masked }, parts.disk)
  }
  const delivery = parts.measuredDelivery(assignmentId)
  const own = { ...(await commonParts(parts)), mail, record, delivery }
  return await sumMeasured(assignment, measured, own, signal)
}

async function commonParts({ agentId, coordinatorId, book, random, ...parts }: SummingParts) {
  const [identity, company] = await Promise.all([parts.identity(), parts.company()])
  return { agentId, coordinatorId, book, random: random.bytes, identity, company }
}

/** The tensors of a finished update. */
async function tensorsOf(finished: Finished, { outbox }: Pick<SummingParts, 'outbox'>) {
  const bytes = new Uint8Array(finished.sizeBytes)
  const pieceBytes = 1024 * 1024
  for (let at = 0; at < bytes.byteLength; at += pieceBytes)
    bytes.set(await outbox.read(finished, at, Math.min(pieceBytes, bytes.byteLength - at)), at)
  return new Map([...decodeSafetensors(bytes)].map(([name, raw]) => [name, floatTensor(raw)]))
}
