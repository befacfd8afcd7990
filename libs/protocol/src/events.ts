import type { Assignment } from './messages/assignment.js'
import type { BlobRead, BlobReadReply } from './messages/blob-read.js'
import type { Decline } from './messages/decline.js'
import type { Evaluation } from './messages/evaluation.js'
import type { Hello, HelloReply } from './messages/hello.js'
import type { Leave } from './messages/leave.js'
import type { Reply } from './messages/message.js'
import type { Progress } from './messages/progress.js'
import type { Release } from './messages/release.js'
import type { RunEnded } from './messages/run-ended.js'
import type { ServingHealth } from './messages/serving-health.js'
import type { SumConfirm } from './messages/sum-confirm.js'
import type { SumConfirmations } from './messages/sum-confirmations.js'
import type { SumDelivery } from './messages/sum-delivery.js'
import type { SumInput } from './messages/sum-input.js'
import type { SumKeys } from './messages/sum-keys.js'
import type { SumReveal } from './messages/sum-reveal.js'
import type { SumRoster } from './messages/sum-roster.js'
import type { SumShares } from './messages/sum-shares.js'
import type { SumSurvivors } from './messages/sum-survivors.js'
import type { TargetMessage } from './messages/target.js'
import type { TargetReport } from './messages/target-report.js'
import type { TrustLetter } from './messages/trust.js'
import type { UpdateChunk, UpdateChunkReply } from './messages/update-chunk.js'
import type { UpdateClose, UpdateCloseReply } from './messages/update-close.js'
import type { UpdateOpen, UpdateOpenReply } from './messages/update-open.js'

type Answer<T extends object> = (reply: Reply<T>) => void
type Nothing = Record<never, never>

/** Event map of socket.io: what an agent emits. Every emit is answered and has a timeout. */
export interface AgentEvents {
  hello: (message: Hello, answer: Answer<HelloReply>) => void
  'blob.read': (message: BlobRead, answer: Answer<BlobReadReply>) => void
  progress: (message: Progress, answer: Answer<Nothing>) => void
  'update.open': (message: UpdateOpen, answer: Answer<UpdateOpenReply>) => void
  'update.chunk': (message: UpdateChunk, answer: Answer<UpdateChunkReply>) => void
  'update.close': (message: UpdateClose, answer: Answer<UpdateCloseReply>) => void
  evaluation: (message: Evaluation, answer: Answer<Nothing>) => void
  decline: (message: Decline, answer: Answer<Nothing>) => void
  'sum.keys': (message: SumKeys, answer: Answer<Nothing>) => void
  'sum.shares': (message: SumShares, answer: Answer<Nothing>) => void
  'sum.input': (message: SumInput, answer: Answer<Nothing>) => void
  'sum.confirm': (message: SumConfirm, answer: Answer<Nothing>) => void
  'sum.reveal': (message: SumReveal, answer: Answer<Nothing>) => void
  'target.report': (message: TargetReport, answer: Answer<Nothing>) => void
  'serving.health': (message: ServingHealth, answer: Answer<Nothing>) => void
  leave: (message: Leave, answer: Answer<Nothing>) => void
}

/** Event map of socket.io: what the coordinator emits. Every emit is answered and has a timeout. */
export interface CoordinatorEvents {
  assignment: (message: Assignment, answer: Answer<Nothing>) => void
  release: (message: Release, answer: Answer<Nothing>) => void
  target: (message: TargetMessage, answer: Answer<Nothing>) => void
  trust: (message: TrustLetter, answer: Answer<Nothing>) => void
  'run-ended': (message: RunEnded, answer: Answer<Nothing>) => void
  'sum-roster': (message: SumRoster, answer: Answer<Nothing>) => void
  'sum-delivery': (message: SumDelivery, answer: Answer<Nothing>) => void
  'sum-survivors': (message: SumSurvivors, answer: Answer<Nothing>) => void
  'sum-confirmations': (message: SumConfirmations, answer: Answer<Nothing>) => void
}
