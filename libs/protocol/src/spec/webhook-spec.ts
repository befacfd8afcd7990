import { z } from 'zod'
import { durationSchema } from './spec-field.js'

/** What a webhook may decide: whether a group gets the release, and whether a group that has it is good. */
export const webhookGates = ['before-group', 'after-group'] as const
export type WebhookGate = (typeof webhookGates)[number]

/** What a webhook may be told: steps of a rollout. */
export const webhookNews = [
  ...(['group-opened', 'soaking', 'paused', 'done', 'aborted', 'undone'] as const),
] as const
export type WebhookNews = (typeof webhookNews)[number]

/** A webhook of a plan: by the name that the coordinator has for it, so that a plan can name no address. */
export const webhookSchema = z
  .strictObject({
    hook: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'expected a name such as ci'),
    gate: z.enum(webhookGates).nullable().default(null), // it decides: proceed, halt or inconclusive
    tell: z.array(z.enum(webhookNews)).max(webhookNews.length).default([]), // it is told, and decides nothing
    timeout: durationSchema.prefault('10s'), // of each try
    tries: z.int().min(1).max(10).default(4), // with pauses of 1 s, 2 s, 4 s, …
  })
  .superRefine(({ gate, tell }, context) => {
    if ((gate === null) === tell.length > 0) return
    context.addIssue({ code: 'custom', message: 'expected either gate, or what to tell' })
  })
  .transform(({ timeout, ...webhook }) => ({ ...webhook, timeoutMs: timeout }))

export type WebhookSpec = Readonly<z.infer<typeof webhookSchema>>
