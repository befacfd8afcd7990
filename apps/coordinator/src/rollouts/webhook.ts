/**
 * What webhooks of a plan are asked and told, and what their answers mean. Pure: what is due follows from the journal, so that a coordinator that starts anew goes on
 * with the same ids.
 * @module
 */
import { createHash } from 'node:crypto'
import type { ErrorCode, WebhookGate, WebhookNews, WebhookSpec } from '@lorica/protocol'
import { z } from 'zod'
import { isOpen, type Rollout } from './rollout.js'

/** A message for a webhook; the same `id` comes again after a failed try and after a start of the coordinator. */
export interface Delivery {
  readonly key: string // in the rollout
  readonly id: string
  readonly hook: WebhookSpec
  readonly body: string
}

/** What became of a delivery. */
export interface Outcome {
  readonly outcome: 'proceed' | 'halt' | 'inconclusive' | 'told' | 'failed'
  readonly code: ErrorCode | null
  readonly reason: string | null
}

/** A gate that a rollout is at. */
export interface Gate {
  readonly gate: WebhookGate
  readonly group: number // 1, 2, …
}

/** What the gates say of a point: a group may go on when each says so. */
export type Gated =
  | { readonly kind: 'open' }
  | { readonly kind: 'asking'; readonly hooks: readonly string[] }
  | { readonly kind: 'halt' | 'pause'; readonly reason: string }

const hooksOf = ({ plan }: Rollout): readonly WebhookSpec[] => plan.webhooks ?? [] // of a journal from before there were any
const keyOf = ({ tries }: Rollout, { gate, group }: Gate, at: number): string =>
  `${gate} ${group} ${at} ${tries}`
const isWaived = (rollout: Rollout, { gate, group }: Gate): boolean =>
  group <= (gate === 'after-group' ? rollout.accepted : rollout.waived)

/** What those say that decide over a point. */
export function gatedAt(rollout: Rollout, point: Gate): Gated {
  if (isWaived(rollout, point)) return { kind: 'open' }
  const asked = hooksOf(rollout).flatMap(({ gate, hook }, at) =>
    gate === point.gate ? [{ hook, said: rollout.answers.get(keyOf(rollout, point, at)) }] : [],
  )
  const textOf = ({ hook, said }: (typeof asked)[number]): string =>
    `webhook ${hook}, ${point.gate} ${point.group}: ${said?.code ? `${said.code} ` : ''}${said?.reason ?? said?.outcome}`
  const halting = asked.find(({ said }) => said?.outcome === 'halt')
  if (halting !== undefined) return { kind: 'halt', reason: textOf(halting) }
  const open = asked.find(({ said }) => said?.outcome === 'inconclusive' || said?.outcome === 'failed')
  if (open !== undefined) return { kind: 'pause', reason: textOf(open) }
  const waiting = asked.filter(({ said }) => said === undefined).map(({ hook }) => hook)
  return waiting.length === 0 ? { kind: 'open' } : { kind: 'asking', hooks: waiting }
}

/** The questions of a point that have no answer yet. */
export function questionsAt(rollout: Rollout, point: Gate): readonly Delivery[] {
  return hooksOf(rollout).flatMap((hook, at) => {
    const key = keyOf(rollout, point, at)
    if (hook.gate !== point.gate || rollout.answers.has(key)) return []
    const body = bodyOf(rollout, `rollout.${point.gate}`, point.group, { at: null, reason: null })
    return [{ key, id: idOf(rollout, key), hook, body }]
  })
}

/** Steps that webhooks are to be told of and were not, the oldest of each hook. */
export function newsOf(rollout: Rollout): readonly Delivery[] {
  return hooksOf(rollout).flatMap((hook, index): Delivery[] => {
    for (const { seq, what, at } of rollout.history) {
      const key = `news ${seq} ${index}`
      if (!hook.tell.includes(what as WebhookNews) || rollout.answers.has(key)) continue
      const reason = isOpen(rollout) && what !== 'paused' ? null : rollout.reason
      return [
        {
          key,
          id: idOf(rollout, key),
          hook,
          body: bodyOf(rollout, `rollout.${what}`, rollout.group, { at, reason }),
        },
      ]
    }
    return []
  })
}

/** What a webhook reads: ids, names of releases and verdicts; nothing of agents or of their data. */
function bodyOf(
  rollout: Rollout,
  type: string,
  group: number,
  { at, reason }: { readonly at: string | null; readonly reason: string | null },
): string {
  const { rolloutId, release, releaseId, previous, previousId, groups, evidence } = rollout
  const { name, agents } = groups[group - 1] ?? { name: null, agents: [] }
  const verdicts = (evidence ?? []).map(({ metric, of, verdict, isEnforced }) => ({
    metric,
    of,
    verdict,
    isEnforced,
  }))
  const data = {
    ...{ rollout: rolloutId, release, releaseId, previous, previousId },
    ...{ group: { number: group, of: groups.length, name, agents: agents.length }, reason, verdicts },
  }
  return JSON.stringify({ type, ...(at === null ? {} : { timestamp: at }), data })
}

function idOf({ rolloutId, releaseId, createdAt }: Rollout, key: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([rolloutId, releaseId, createdAt, key]))
    .digest('hex')
  return `msg_${hash.slice(0, 32)}`
}

const answerSchema = z.object({
  decision: z.enum(['proceed', 'halt', 'inconclusive']),
  reason: z.string().max(500).optional(),
})

/** What an answer means to one who asks. */
export function readAnswer({ hook }: Delivery, text: string): Outcome {
  if (hook.gate === null) return { outcome: 'told', code: null, reason: null }
  try {
    const { decision, reason = null } = answerSchema.parse(JSON.parse(text))
    return {
      outcome: decision,
      code: null,
      reason: reason === null ? null : `${decision}: ${printable(reason)}`,
    }
  } catch {
    const reason = 'expected {"decision": "proceed", "halt" or "inconclusive"}, got another answer'
    return { outcome: 'failed', code: 'LRC-3026', reason }
  }
}

const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, '?')
