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
  leave: (message: Leave, answer: Answer<Nothing>) => void
}

/** Event map of socket.io: what the coordinator emits. Every emit is answered and has a timeout. */
export interface CoordinatorEvents {
  assignment: (message: Assignment, answer: Answer<Nothing>) => void
  release: (message: Release, answer: Answer<Nothing>) => void
  'run-ended': (message: RunEnded, answer: Answer<Nothing>) => void
}
