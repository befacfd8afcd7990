import type { z } from 'zod'
import { assignmentReplySchema, assignmentSchema } from './assignment.js'
import { blobReadReplySchema, blobReadSchema } from './blob-read.js'
import { declineReplySchema, declineSchema } from './decline.js'
import { evaluationReplySchema, evaluationSchema } from './evaluation.js'
import { helloReplySchema, helloSchema } from './hello.js'
import { leaveReplySchema, leaveSchema } from './leave.js'
import { progressReplySchema, progressSchema } from './progress.js'
import { releaseReplySchema, releaseSchema } from './release.js'
import { runEndedReplySchema, runEndedSchema } from './run-ended.js'
import { servingHealthReplySchema, servingHealthSchema } from './serving-health.js'
import { fitted } from './since.js'
import { sumConfirmReplySchema, sumConfirmSchema } from './sum-confirm.js'
import { sumConfirmationsReplySchema, sumConfirmationsSchema } from './sum-confirmations.js'
import { sumDeliveryReplySchema, sumDeliverySchema } from './sum-delivery.js'
import { sumInputReplySchema, sumInputSchema } from './sum-input.js'
import { sumKeysReplySchema, sumKeysSchema } from './sum-keys.js'
import { sumRevealReplySchema, sumRevealSchema } from './sum-reveal.js'
import { sumRosterReplySchema, sumRosterSchema } from './sum-roster.js'
import { sumSharesReplySchema, sumSharesSchema } from './sum-shares.js'
import { sumSurvivorsReplySchema, sumSurvivorsSchema } from './sum-survivors.js'
import { targetMessageSchema, targetReplySchema } from './target.js'
import { targetReportReplySchema, targetReportSchema } from './target-report.js'
import { trustReplySchema, trustSchema } from './trust.js'
import { updateChunkReplySchema, updateChunkSchema } from './update-chunk.js'
import { updateCloseReplySchema, updateCloseSchema } from './update-close.js'
import { updateOpenReplySchema, updateOpenSchema } from './update-open.js'

/** One message of the protocol: who says it, what it holds, what it is answered with, and the first version that has it. */
export interface CatalogueEntry {
  readonly from: 'agent' | 'coordinator'
  readonly message: z.ZodType
  readonly reply: z.ZodType
  readonly since: number
}

/** Every message of the newest version, by the name of its event. */
export const catalogue = {
  hello: { from: 'agent', message: helloSchema, reply: helloReplySchema, since: 1 },
  'blob.read': { from: 'agent', message: blobReadSchema, reply: blobReadReplySchema, since: 1 },
  progress: { from: 'agent', message: progressSchema, reply: progressReplySchema, since: 1 },
  'update.open': { from: 'agent', message: updateOpenSchema, reply: updateOpenReplySchema, since: 1 },
  'update.chunk': { from: 'agent', message: updateChunkSchema, reply: updateChunkReplySchema, since: 1 },
  'update.close': { from: 'agent', message: updateCloseSchema, reply: updateCloseReplySchema, since: 1 },
  evaluation: { from: 'agent', message: evaluationSchema, reply: evaluationReplySchema, since: 1 },
  decline: { from: 'agent', message: declineSchema, reply: declineReplySchema, since: 1 },
  leave: { from: 'agent', message: leaveSchema, reply: leaveReplySchema, since: 1 },
  'sum.keys': { from: 'agent', message: sumKeysSchema, reply: sumKeysReplySchema, since: 2 },
  'sum.shares': { from: 'agent', message: sumSharesSchema, reply: sumSharesReplySchema, since: 2 },
  'sum.input': { from: 'agent', message: sumInputSchema, reply: sumInputReplySchema, since: 2 },
  'sum.confirm': { from: 'agent', message: sumConfirmSchema, reply: sumConfirmReplySchema, since: 2 },
  'sum.reveal': { from: 'agent', message: sumRevealSchema, reply: sumRevealReplySchema, since: 2 },
  'target.report': {
    from: 'agent',
    message: targetReportSchema,
    reply: targetReportReplySchema,
    since: 2,
  },
  'serving.health': {
    from: 'agent',
    message: servingHealthSchema,
    reply: servingHealthReplySchema,
    since: 2,
  },
  assignment: { from: 'coordinator', message: assignmentSchema, reply: assignmentReplySchema, since: 1 },
  release: { from: 'coordinator', message: releaseSchema, reply: releaseReplySchema, since: 1 },
  target: { from: 'coordinator', message: targetMessageSchema, reply: targetReplySchema, since: 2 },
  trust: { from: 'coordinator', message: trustSchema, reply: trustReplySchema, since: 2 },
  'run-ended': { from: 'coordinator', message: runEndedSchema, reply: runEndedReplySchema, since: 1 },
  'sum-roster': { from: 'coordinator', message: sumRosterSchema, reply: sumRosterReplySchema, since: 2 },
  'sum-delivery': {
    from: 'coordinator',
    message: sumDeliverySchema,
    reply: sumDeliveryReplySchema,
    since: 2,
  },
  'sum-survivors': {
    from: 'coordinator',
    message: sumSurvivorsSchema,
    reply: sumSurvivorsReplySchema,
    since: 2,
  },
  'sum-confirmations': {
    from: 'coordinator',
    message: sumConfirmationsSchema,
    reply: sumConfirmationsReplySchema,
    since: 2,
  },
} as const satisfies Record<string, CatalogueEntry>

/** The name of a message. */
export type MessageName = keyof typeof catalogue

/** Whether a peer that speaks `version` knows a message. */
export function isKnownTo(version: number, name: MessageName): boolean {
  return catalogue[name].since <= version
}

/** A message as a peer that speaks `version` knows it. */
export function fitMessage<T>(name: MessageName, message: T, version: number): T {
  return fitted(catalogue[name].message, message, version)
}

/** A reply as a peer that speaks `version` knows it. */
export function fitReply<T>(name: MessageName, reply: T, version: number): T {
  return fitted(catalogue[name].reply, reply, version)
}
