import { z } from 'zod'
import { readMessage, readReply } from './message.js'

/** agent -> coordinator: forget me. The key of this agent is not accepted until it joins again. */
export const leaveSchema = z.strictObject({})
export type Leave = Readonly<z.infer<typeof leaveSchema>>

export const leaveReplySchema = z.strictObject({})
export type LeaveReply = Readonly<z.infer<typeof leaveReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseLeave(raw: unknown): Leave {
  return readMessage(leaveSchema, 'leave', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseLeaveReply(raw: unknown): LeaveReply {
  return readReply(leaveReplySchema, 'leave', raw)
}
