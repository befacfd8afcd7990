import { z } from 'zod'
import { traceparentSchema } from '../telemetry/span.js'
import { countSchema, positiveSchema, secondsMsSchema, sha256Schema } from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

/** agent -> coordinator: what became of a target here. */
export const targetReportSchema = z.strictObject({
  serial: positiveSchema, // of the target
  releaseId: sha256Schema, // of the release that it names
  outcome: z.enum(['applied', 'failed']), // failed: what was there before stays
  isServed: z.boolean(), // false: it is verified and kept, and no program serves it on this machine
  downloadedBytes: countSchema, // for it; 0 where the release was kept
  switchMs: secondsMsSchema, // from the signed target to requests that the release answers, or to its files
  reason: z.strictObject({ code: z.string().max(20), message: z.string().max(2000) }).nullable(), // of a failure
  traceparent: since(2, traceparentSchema), // of the work, where the agent traces it
})
export type TargetReport = Readonly<z.infer<typeof targetReportSchema>>

export const targetReportReplySchema = z.strictObject({})

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseTargetReport(raw: unknown): TargetReport {
  return readMessage(targetReportSchema, 'target.report', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseTargetReportReply(raw: unknown): Record<never, never> {
  return readReply(targetReportReplySchema, 'target.report', raw)
}
